// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/temp_dir.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace tensorpool::test {

/// A program in a process of its own, with what it prints kept in files. Killed at the end of the scope when
/// it still runs, and also when the test dies.
class Program {
public:
    /// `words[0]` is the path of the program. Each of `environment` is NAME=VALUE and is added to ours.
    /// `network` is an open network namespace to run it in; -1: ours.
    explicit Program(std::vector<std::string> words, std::vector<std::string> environment = {},
                     int network = -1);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    void signal(int number) const noexcept;
    /// Waits for the end; the exit code, or minus the signal that ended it. Again the same afterwards.
    int wait() noexcept;
    [[nodiscard]] bool running() noexcept;
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Pids of its children right now.
    [[nodiscard]] std::vector<pid_t> children() const;

    /// What it printed so far.
    [[nodiscard]] std::string out() const { return text_of("out"); }
    [[nodiscard]] std::string err() const { return text_of("err"); }

private:
    [[nodiscard]] std::string text_of(const char* name) const;

    TempDir output_{false};
    pid_t pid_ = -1;
    bool ended_ = false;
    int result_ = 0;
};

}  // namespace tensorpool::test
