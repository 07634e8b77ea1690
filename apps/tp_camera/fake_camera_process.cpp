// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "tp_camera/fake_camera_process.hpp"

#include "base/unique_fd.hpp"

#include <tensorpool/error.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>

namespace tensorpool::apps {

namespace {

/// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, int output, pid_t parent) {
    ::setpgid(0, 0);  // Ctrl-C ends the application first, which then ends us
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(arguments[0], arguments);
    constexpr char kMessage[] = "the program cannot be run";
    std::ignore = ::write(output, kMessage, sizeof(kMessage) - 1);
    ::_exit(127);
}

/// Reads until a line says that the camera answers; false at the end of the output.
bool await_ready_line(int fd, std::string& output) {
    std::array<char, 512> chunk;
    while (output.find("serving") == std::string::npos || output.back() != '\n') {
        const ssize_t count = ::read(fd, chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        output.append(chunk.data(), static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

FakeCameraProcess::FakeCameraProcess(const std::string& program, const std::string& address,
                                     const std::string& serial, std::vector<std::string> more_arguments) {
    std::vector<std::string> words{program, "--address", address, "--serial", serial};
    words.insert(words.end(), more_arguments.begin(), more_arguments.end());
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw Error(ErrorCode::SystemError, std::string("pipe2: ") + std::strerror(errno));
    const base::UniqueFd output(ends[0]);
    base::UniqueFd input(ends[1]);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw Error(ErrorCode::SystemError, std::string("fork: ") + std::strerror(errno));
    if (pid_ == 0) become(arguments.data(), input.get(), parent);
    input.reset();

    std::string said;
    if (await_ready_line(output.get(), said)) return;
    end(SIGKILL);
    while (!said.empty() && said.back() == '\n') said.pop_back();
    throw Error(ErrorCode::DeviceError, "the camera simulator " + program + " did not start: " + said);
}

FakeCameraProcess::~FakeCameraProcess() {
    end(SIGTERM);
}

void FakeCameraProcess::end(int signal) noexcept {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

bool FakeCameraProcess::running() noexcept {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
}

std::string sibling_program(const std::string& name) {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? name : (self.parent_path() / name).string();
}

}  // namespace tensorpool::apps
