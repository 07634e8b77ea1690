// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/temp_dir.hpp"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace tensorpool::test {

namespace {

/// "<pid>:<path>" of a directory of the test program. A copy of it that a death test starts aborts and
/// removes nothing: what the copy makes lies inside that directory, and goes with it.
constexpr const char* kOuterVariable = "TPTEST_OUTER_DIR";

std::filesystem::path shared_memory_base() {
    const char* const variable = std::getenv(kOuterVariable);
    const std::string_view outer = variable == nullptr ? "" : variable;
    const std::size_t colon = outer.find(':');
    if (colon == std::string_view::npos || outer.substr(0, colon) == std::to_string(::getpid()))
        return "/dev/shm";
    const std::filesystem::path path = outer.substr(colon + 1);
    std::error_code ignored;
    return std::filesystem::is_directory(path, ignored) ? path : "/dev/shm";
}

}  // namespace

TempDir::TempDir(bool on_tmpfs) {
    const std::filesystem::path base =
        on_tmpfs ? shared_memory_base() : std::filesystem::temp_directory_path();
    std::string pattern = (base / "tptest-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + pattern);
    path_ = pattern;
    if (!on_tmpfs || std::getenv(kOuterVariable) != nullptr) return;
    is_outer_ = true;
    ::setenv(kOuterVariable, (std::to_string(::getpid()) + ":" + path_.string()).c_str(), 1);
}

TempDir::~TempDir() {
    if (is_outer_) ::unsetenv(kOuterVariable);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace tensorpool::test
