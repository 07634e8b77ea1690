// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/agent.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace tensorpool {
namespace {

void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

void park(Nanos duration_ns) noexcept {
    const timespec time{static_cast<time_t>(duration_ns / kNanosPerSecond),
                        static_cast<long>(duration_ns % kNanosPerSecond)};
    ::nanosleep(&time, nullptr);
}

}  // namespace

void BusySpinIdle::idle(int work_count) noexcept {
    if (work_count <= 0) pause_cpu();
}

void YieldIdle::idle(int work_count) noexcept {
    if (work_count <= 0) std::this_thread::yield();
}

void BackOffIdle::idle(int work_count) noexcept {
    if (work_count > 0) {
        empty_cycles_ = 0;
        park_ns_ = min_park_ns_;
        return;
    }
    if (empty_cycles_ < max_spins_) {
        ++empty_cycles_;
        pause_cpu();
    } else if (empty_cycles_ < max_spins_ + max_yields_) {
        ++empty_cycles_;
        std::this_thread::yield();
    } else {
        park(park_ns_);
        park_ns_ = std::min(park_ns_ * 2, max_park_ns_);
    }
}

void SleepIdle::idle(int work_count) noexcept {
    if (work_count <= 0) park(period_ns_);
}

void WaitIdle::idle(int work_count) noexcept {
    if (work_count > 0) {
        empty_cycles_ = 0;
        return;
    }
    if (empty_cycles_ < spins_) {
        ++empty_cycles_;
        pause_cpu();
        return;
    }
    waiter_.wait(max_wait_ns_);
}

void WaitIdle::wake() noexcept {
    waiter_.wake();
}

std::unique_ptr<IdleStrategy> make_idle_strategy(std::string_view name) {
    if (name == "busy-spin") return std::make_unique<BusySpinIdle>();
    if (name == "yield") return std::make_unique<YieldIdle>();
    if (name == "back-off") return std::make_unique<BackOffIdle>();
    if (name == "sleep") return std::make_unique<SleepIdle>();
    throw Error(ErrorCode::InvalidConfig,
                fmt::format("idle strategy '{}' is unknown; use busy-spin, yield, back-off or sleep", name));
}

}  // namespace tensorpool
