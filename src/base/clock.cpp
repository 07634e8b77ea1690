// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/clock.hpp>

#include <ctime>

namespace tensorpool {
namespace {

Nanos read_clock(clockid_t id) noexcept {
    timespec ts{};
    ::clock_gettime(id, &ts);
    return static_cast<Nanos>(ts.tv_sec) * kNanosPerSecond + ts.tv_nsec;
}

class SystemClock final : public Clock {
public:
    [[nodiscard]] Nanos now_ns() const noexcept override { return monotonic_now_ns(); }
};

}  // namespace

Nanos monotonic_now_ns() noexcept {
    return read_clock(CLOCK_MONOTONIC);
}

Nanos realtime_now_ns() noexcept {
    return read_clock(CLOCK_REALTIME);
}

const Clock& system_clock() noexcept {
    static const SystemClock clock;
    return clock;
}

}  // namespace tensorpool
