// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/clock.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

namespace examples {

/// Measures how long each cycle of an agent takes. The two clock reads per cycle are the measurement's own.
class TimedAgent final : public tensorpool::Agent {
public:
    explicit TimedAgent(tensorpool::Agent& inner) : inner_(inner) { cycles_ns_.reserve(1 << 17); }

    int do_work(tensorpool::Nanos now_ns) noexcept override {
        const tensorpool::Nanos before = tensorpool::monotonic_now_ns();
        const int work = inner_.do_work(now_ns);
        if (cycles_ns_.size() < cycles_ns_.capacity())
            cycles_ns_.push_back(tensorpool::monotonic_now_ns() - before);
        return work;
    }
    std::string_view role_name() const noexcept override { return inner_.role_name(); }
    void on_start() override { inner_.on_start(); }
    void on_close() noexcept override { inner_.on_close(); }

    /// Once no thread drives it any more.
    void print() const {
        std::vector<tensorpool::Nanos> sorted = cycles_ns_;
        if (sorted.empty()) return;
        std::sort(sorted.begin(), sorted.end());
        const auto at = [&](std::size_t percent) {
            return static_cast<double>(sorted[(sorted.size() - 1) * percent / 100]) / 1000;
        };
        std::printf("%-10.*s %zu ticks: p50 %.1f us, p99 %.1f us, max %.1f us\n",
                    static_cast<int>(role_name().size()), role_name().data(), sorted.size(), at(50), at(99),
                    at(100));
    }

private:
    tensorpool::Agent& inner_;
    std::vector<tensorpool::Nanos> cycles_ns_;
};

/// Sleeps until the next tick, however much work there was. A late tick is not caught up with.
class TickIdle final : public tensorpool::IdleStrategy {
public:
    explicit TickIdle(tensorpool::Nanos period_ns)
        : period_ns_(period_ns), next_ns_(tensorpool::monotonic_now_ns()) {}
    void idle(int) noexcept override {
        next_ns_ = std::max(next_ns_ + period_ns_, tensorpool::monotonic_now_ns());
        const timespec until{next_ns_ / tensorpool::kNanosPerSecond, next_ns_ % tensorpool::kNanosPerSecond};
        ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }

private:
    tensorpool::Nanos period_ns_;
    tensorpool::Nanos next_ns_;
};

}  // namespace examples
