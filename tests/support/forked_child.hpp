// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

namespace tensorpool::test {

/// A copy of the test process that runs `body` and exits with what it returns. Killed at the end of the scope
/// when it still runs. Fork before threads or messaging clients are made: a child inherits their file locks.
class ForkedChild {
public:
    template <typename Body>
    // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): nobody makes a child out of a child
    explicit ForkedChild(Body&& body) {
        std::fflush(nullptr);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("fork failed");
        if (pid_ > 0) return;
        int code = kThrew;
        try {
            code = body();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "child: %s\n", error.what());
        }
        ::_exit(code);
    }
    ForkedChild(ForkedChild&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    ForkedChild& operator=(ForkedChild&&) = delete;
    ForkedChild(const ForkedChild&) = delete;
    ForkedChild& operator=(const ForkedChild&) = delete;
    ~ForkedChild() { kill(); }

    /// SIGKILL, and waits until it is gone.
    void kill() noexcept {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        wait();
    }
    /// Waits for the end; the exit code, or minus the signal that ended it.
    int wait() noexcept {
        int status = 0;
        if (pid_ < 0 || ::waitpid(std::exchange(pid_, -1), &status, 0) < 0) return kThrew;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    [[nodiscard]] bool running() noexcept {
        siginfo_t info{};
        return pid_ > 0 &&
               ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid == 0;
    }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    static constexpr int kThrew = 99;
    pid_t pid_ = -1;
};

}  // namespace tensorpool::test
