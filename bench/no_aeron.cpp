// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"

#include <cstdio>

namespace tensorpool::bench {
namespace {

void say_left_out(const char* what) {
    std::fprintf(stderr, "%s: left out, this build has no Aeron with a media driver (docs/aeron.md)\n", what);
}

}  // namespace

void aeron_group(const Options& /*options*/, Results& /*results*/) {
    say_left_out("aeron");
}

void bridge_over_aeron(const Options& /*options*/, Results& /*results*/) {
    say_left_out("bridge_over_bare_aeron");
}

}  // namespace tensorpool::bench
