# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
message(STATUS "AeronTensorPool ${PROJECT_VERSION}")
