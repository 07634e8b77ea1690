// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/agent.hpp>

#include "base/log.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace tensorpool {
namespace {

// The address of a thread-local tells threads apart without a system call.
[[maybe_unused]] std::uintptr_t this_thread_token() noexcept {
    thread_local char token;
    return reinterpret_cast<std::uintptr_t>(&token);
}

}  // namespace

void SingleThreadCheck::check([[maybe_unused]] std::string_view what) noexcept {
#ifndef NDEBUG
    const std::uintptr_t caller = this_thread_token();
    std::uintptr_t expected_owner = 0;
    if (owner_.compare_exchange_strong(expected_owner, caller, std::memory_order_relaxed)) return;
    if (expected_owner == caller) return;
    base::log(LogLevel::Error, "Client", "{} is driven by two threads; give each role exactly one", what);
    // A programming error caught by an assertion, not a condition a program could handle: stderr, like
    // assert().
    std::fprintf(stderr, "%.*s is driven by two threads; give each role exactly one\n",
                 static_cast<int>(what.size()), what.data());
    std::abort();
#endif
}

void AgentInvoker::start() {
    if (state_ != State::New) return;
    agent_.on_start();
    state_ = State::Running;
}

int AgentInvoker::invoke() noexcept {
    if (state_ != State::Running) return 0;
    thread_check_.check(agent_.role_name());
    return agent_.do_work(clock_.now_ns());
}

void AgentInvoker::close() noexcept {
    if (state_ == State::Running) agent_.on_close();
    state_ = State::Closed;
}

CompositeAgent::CompositeAgent(std::string role_name, std::vector<Agent*> agents)
    : name_(std::move(role_name)), agents_(std::move(agents)) {
}

int CompositeAgent::do_work(Nanos now_ns) noexcept {
    int work = 0;
    for (Agent* agent : agents_) work += agent->do_work(now_ns);
    return work;
}

void CompositeAgent::on_start() {
    std::size_t started = 0;
    try {
        for (; started < agents_.size(); ++started) agents_[started]->on_start();
    } catch (...) {
        while (started > 0) agents_[--started]->on_close();
        throw;
    }
}

void CompositeAgent::on_close() noexcept {
    for (auto agent = agents_.rbegin(); agent != agents_.rend(); ++agent) (*agent)->on_close();
}

}  // namespace tensorpool
