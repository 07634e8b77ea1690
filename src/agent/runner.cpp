// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/agent.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <cstring>

namespace tensorpool {

AgentRunner::AgentRunner(Agent& agent, std::unique_ptr<IdleStrategy> idle, Options options)
    : agent_(agent), idle_(std::move(idle)), options_(std::move(options)) {
    if (idle_ == nullptr) throw Error(ErrorCode::InvalidArgument, "AgentRunner needs an idle strategy");
    if (options_.clock == nullptr) options_.clock = &system_clock();
    if (options_.thread_name.empty()) options_.thread_name = std::string(agent.role_name());
}

AgentRunner::~AgentRunner() {
    close();
}

void AgentRunner::start() {
    if (thread_.joinable() || stop_.load(std::memory_order_relaxed)) {
        throw Error(
            ErrorCode::InvalidArgument,
            fmt::format("{}: an AgentRunner can be started once; make a new one", agent_.role_name()));
    }
    thread_ = std::thread([this] { run(); });
    std::unique_lock lock(mutex_);
    started_.wait(lock, [this] { return start_done_; });
    if (start_error_ == nullptr) return;
    lock.unlock();
    thread_.join();
    std::rethrow_exception(start_error_);
}

void AgentRunner::close() noexcept {
    stop_.store(true, std::memory_order_release);  // pairs with the acquire in run()
    if (!thread_.joinable()) return;
    idle_->wake();
    thread_.join();
}

void AgentRunner::prepare_thread() {
    const std::string name = options_.thread_name.substr(0, 15);
    ::pthread_setname_np(::pthread_self(), name.c_str());  // cosmetic: a failure changes nothing
    if (!options_.cpu) return;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    int error = EINVAL;
    if (*options_.cpu >= 0 && *options_.cpu < CPU_SETSIZE) {
        CPU_SET(static_cast<unsigned>(*options_.cpu), &cpus);
        error = ::pthread_setaffinity_np(::pthread_self(), sizeof(cpus), &cpus);
    }
    if (error != 0) {
        throw Error(ErrorCode::SystemError,
                    fmt::format("{}: cannot pin the thread to cpu {}: {}; choose a cpu this process may use",
                                agent_.role_name(), *options_.cpu, std::strerror(error)));
    }
}

void AgentRunner::run() noexcept {
    try {
        prepare_thread();
        agent_.on_start();
    } catch (...) {
        start_error_ = std::current_exception();
    }
    const bool ok = start_error_ == nullptr;
    running_.store(ok, std::memory_order_release);  // pairs with the acquire in is_running()
    {
        const std::lock_guard lock(mutex_);
        start_done_ = true;
    }
    started_.notify_all();
    if (!ok) return;
    while (!stop_.load(std::memory_order_acquire)) {  // pairs with the release in close()
        idle_->idle(agent_.do_work(options_.clock->now_ns()));
    }
    agent_.on_close();
    running_.store(false, std::memory_order_release);  // pairs with the acquire in is_running()
}

}  // namespace tensorpool
