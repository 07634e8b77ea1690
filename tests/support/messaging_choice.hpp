// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/temp_dir.hpp"

#include <tensorpool/context.hpp>

#include <string>

namespace tensorpool::test {

/// The media driver that this program's tests use; empty: they use the embedded messaging. Set by aeron_main.
inline std::string& aeron_dir_of_tests() {
    static std::string dir;
    return dir;
}

/// The messaging of a test that has `dir` to itself.
inline ContextOptions messaging_options_in(const TempDir& dir) {
    ContextOptions options;
    if (aeron_dir_of_tests().empty()) {
        options.messaging_dir = dir.str() + "/messaging";
    } else {
        options.messaging = MessagingKind::Aeron;
        options.aeron_dir = aeron_dir_of_tests();
    }
    return options;
}

}  // namespace tensorpool::test
