// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

namespace tensorpool {

/// A value or an error enumerator: the result type of calls that never throw.
template <typename T, typename E>
using expected = tl::expected<T, E>;

using tl::unexpected;

}  // namespace tensorpool
