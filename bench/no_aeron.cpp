// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"

#include <cstdio>

namespace tensorpool::bench {

void aeron_group(const Options& /*options*/, Results& /*results*/) {
    std::fputs("aeron: left out, this build has no Aeron with a media driver (docs/aeron.md)\n", stderr);
}

}  // namespace tensorpool::bench
