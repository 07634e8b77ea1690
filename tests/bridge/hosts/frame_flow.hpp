// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bridge/hosts/net_host.hpp"
#include "support/forked_child.hpp"
#include "system/driver_processes.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace tensorpool::test {

/// Numbered frames on their way: all that a producer made, whatever it was restarted meanwhile. Every byte of
/// a frame follows from its number, which its timestamp and trace id repeat; its metadata version repeats the
/// sequence number. A frame of which two parts do not belong together is thus recognised.
struct FlowBoard {
    std::atomic<std::uint64_t> published{0};
    std::atomic<bool> stop{false};
};

/// What one consumer saw of it.
struct ArrivalBoard {
    std::atomic<std::uint64_t> whole{0};
    std::atomic<std::uint64_t> torn{0};       ///< accepted, yet not as it was made: must stay 0
    std::atomic<std::uint64_t> backwards{0};  ///< not above the one before: must stay 0
    std::atomic<std::uint64_t> first{0};
    std::atomic<std::uint64_t> last{0};
    std::atomic<std::uint64_t> epochs{0};  ///< local epochs
    std::atomic<bool> stop{false};

    /// Frames made from the first to the last that arrived.
    [[nodiscard]] std::uint64_t sent() const noexcept {
        return whole.load() == 0 ? 0 : last.load() - first.load() + 1;
    }
    [[nodiscard]] std::uint64_t lost() const noexcept { return sent() - whole.load(); }
};

/// A producer of numbered frames on a host, in a process of its own there.
class FrameFlow {
public:
    FrameFlow(const NetHost& host, std::uint32_t stream_id);
    ~FrameFlow() {
        board_->stop = true;
        producer_->wait();
    }
    void kill() { producer_->kill(); }
    /// Goes on with the numbers of its predecessor.
    void start();
    [[nodiscard]] std::uint64_t published() const noexcept { return board_->published.load(); }

    static constexpr std::uint32_t kMostBytes = 100'000;

private:
    const NetHost& host_;
    std::uint32_t stream_id_;
    Shared<FlowBoard> board_;
    std::unique_ptr<ForkedChild> producer_;
};

/// A consumer that checks every frame, in a process of its own on a host.
class FrameArrivals {
public:
    /// `max_rate_hz`: what a rate limiter is asked for.
    FrameArrivals(const NetHost& host, std::uint32_t stream_id, std::uint32_t max_rate_hz = 0);
    ~FrameArrivals() {
        board_->stop = true;
        consumer_->wait();
    }
    [[nodiscard]] const ArrivalBoard& seen() const noexcept { return *board_; }

private:
    Shared<ArrivalBoard> board_;
    std::unique_ptr<ForkedChild> consumer_;
};

}  // namespace tensorpool::test
