// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/forked_child.hpp"
#include "support/temp_dir.hpp"
#include "support/unshare.hpp"

#include <gtest/gtest.h>

#include <sys/mount.h>

#include <cstdio>
#include <string>

namespace tensorpool::test {

inline constexpr int kNotPossibleHere = 77;

/// Runs `body` in a child process and passes its failed expectations on. `body` may return kNotPossibleHere.
template <typename Body>
[[nodiscard]] int in_child(Body&& body) {
    ForkedChild child([&] {
        const int code = body();
        std::fflush(nullptr);  // the child ends without it
        return code != 0 ? code : ::testing::Test::HasFailure() ? 1 : 0;
    });
    return child.wait();
}

/// Gives this process mounts of its own; as an ordinary user inside a user namespace.
inline bool enter_own_mounts() noexcept {
    return unshare_here(CLONE_NEWNS) && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// Runs `body(dir)` in a child process that alone sees a file system of `type` mounted on `dir`.
template <typename Body>
[[nodiscard]] int on_own_mount(const char* type, const char* options, Body&& body) {
    return in_child([&] {
        const TempDir dir;
        if (!enter_own_mounts() || ::mount("none", dir.path().c_str(), type, 0, options) != 0)
            return kNotPossibleHere;
        body(dir.str());
        ::umount2(dir.path().c_str(), MNT_DETACH);
        return 0;
    });
}

}  // namespace tensorpool::test
