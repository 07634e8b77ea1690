# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
include(GNUInstallDirs)
install(DIRECTORY include/tensorpool DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS tensorpool EXPORT tensorpool-targets)
