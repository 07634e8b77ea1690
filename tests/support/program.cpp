// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/program.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tensorpool::test {

namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

/// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* out, const char* err,
                         pid_t parent, int network) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    if (network >= 0 && ::setns(network, CLONE_NEWNET) != 0) ::_exit(125);
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(::open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), STDOUT_FILENO);
    ::dup2(::open(err, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), STDERR_FILENO);
    ::execve(arguments[0], arguments, environment);
    ::_exit(127);
}

}  // namespace

Program::Program(std::vector<std::string> words, std::vector<std::string> environment, int network) {
    for (char** variable = environ; *variable != nullptr; ++variable) environment.emplace_back(*variable);
    const auto arguments = pointers_to(words);
    const auto variables = pointers_to(environment);
    const std::string out = output_.str() + "/out";
    const std::string err = output_.str() + "/err";
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) become(arguments.data(), variables.data(), out.c_str(), err.c_str(), parent, network);
}

Program::~Program() {
    if (!running()) return;
    signal(SIGKILL);
    wait();
}

void Program::signal(int number) const noexcept {
    if (!ended_) ::kill(pid_, number);
}

int Program::wait() noexcept {
    int status = 0;
    while (!ended_) {
        if (::waitpid(pid_, &status, 0) == pid_) {
            ended_ = true;
            result_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        } else if (errno != EINTR) {
            break;
        }
    }
    return result_;
}

bool Program::running() noexcept {
    siginfo_t info{};
    const bool has_ended =
        ended_ || ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != 0;
    if (has_ended) wait();
    return !has_ended;
}

std::vector<pid_t> Program::children() const {
    std::vector<pid_t> pids;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "stat");
        std::string line;
        if (!std::getline(file, line)) continue;
        // "pid (name) state parent ..."; the name may hold anything.
        std::istringstream after_name(line.substr(line.rfind(')') + 1));
        char state = 0;
        pid_t parent = 0;
        if (after_name >> state >> parent && parent == pid_ && state != 'Z') pids.push_back(std::stoi(line));
    }
    return pids;
}

std::string Program::text_of(const char* name) const {
    std::ifstream file(output_.path() / name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace tensorpool::test
