// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace examples {

/// Stands for a camera vendor's SDK: buffers are registered once, queued to be filled, and come back from a
/// thread of the SDK's own, out of order, some of them damaged. Knows nothing of tensors or shared memory.
class SimulatedSdk {
public:
    struct Completion {
        std::uint32_t buffer = 0;
        std::uint64_t frame_number = 0;
        std::uint64_t timestamp_ns = 0;
        bool complete = false;  ///< false: packets were lost
    };

    SimulatedSdk(std::size_t frame_bytes, tensorpool::Nanos period_ns)
        : frame_bytes_(frame_bytes), period_ns_(period_ns) {}
    ~SimulatedSdk() { stop(); }
    SimulatedSdk(const SimulatedSdk&) = delete;
    SimulatedSdk& operator=(const SimulatedSdk&) = delete;

    [[nodiscard]] std::size_t frame_bytes() const noexcept { return frame_bytes_; }
    void register_buffer(std::byte* memory) {
        buffers_.push_back(memory);
    }  // its number: in this order from 0
    void unregister_buffers() { buffers_.clear(); }

    void queue(std::uint32_t buffer) {
        const std::lock_guard guard(mutex_);
        queued_.push_back(buffer);
    }
    void start() {
        stopping_ = false;
        thread_ = std::thread([this] { run(); });
    }
    /// Returns the buffers that were queued and not filled.
    std::deque<std::uint32_t> stop() {
        {
            const std::lock_guard guard(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) thread_.join();
        return std::exchange(queued_, {});
    }
    std::optional<Completion> next_completion() {
        const std::lock_guard guard(mutex_);
        if (done_.empty()) return std::nullopt;
        const Completion first = done_.front();
        done_.pop_front();
        return first;
    }

private:
    void run() {
        std::unique_lock guard(mutex_);
        std::optional<Completion> held;  // finishes after its successor
        while (!wake_.wait_for(guard, std::chrono::nanoseconds(period_ns_), [this] { return stopping_; })) {
            ++frame_number_;
            if (queued_.empty()) continue;  // no buffer: this frame is lost
            Completion frame{queued_.front(), frame_number_,
                             static_cast<std::uint64_t>(tensorpool::monotonic_now_ns()),
                             frame_number_ % 20 != 0};
            queued_.pop_front();
            guard.unlock();
            std::memset(buffers_[frame.buffer], static_cast<int>(frame.frame_number % 251),
                        frame_bytes_);  // "DMA"
            guard.lock();
            if (!held && frame_number_ % 3 == 0) {
                held = frame;
                continue;
            }
            done_.push_back(frame);
            if (held) done_.push_back(*std::exchange(held, std::nullopt));
        }
        if (held) done_.push_back(*held);
    }

    const std::size_t frame_bytes_;
    const tensorpool::Nanos period_ns_;
    std::vector<std::byte*> buffers_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::uint32_t> queued_;
    std::deque<Completion> done_;
    std::uint64_t frame_number_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace examples
