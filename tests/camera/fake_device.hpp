// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/device_pump.hpp>
#include <tensorpool/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tensorpool::test {

/// A device without a thread: the test says which of its buffers complete, when and how.
class FakeDevice final : public BufferDevice {
public:
    struct Held {
        std::uint32_t slot;
        std::byte* address;
        std::uint64_t cookie;
    };

    [[nodiscard]] std::string_view device_name() const noexcept override { return "fake device"; }
    int do_work(Nanos) noexcept override { return 0; }
    [[nodiscard]] bool is_connected() const noexcept override { return connected; }
    [[nodiscard]] std::uint32_t payload_bytes() const noexcept override { return frame_bytes; }

    void announce_buffers(const DeviceSlots& slots) override {
        announced.push_back(slots);
        mapping = slots;
    }
    [[nodiscard]] bool queue(std::uint32_t slot, std::byte* address, std::uint64_t cookie) noexcept override {
        if (refuse_queue) return false;
        held.push_back({slot, address, cookie});
        return true;
    }
    void start() override {
        if (fail_start) throw Error(ErrorCode::DeviceError, "fake device: will not start");
        running = true;
    }
    void stop() noexcept override {
        running = false;
        if (keep_buffers_on_stop) return;
        return_all();
    }
    [[nodiscard]] std::size_t poll(std::span<BufferCompletion> out) noexcept override {
        const std::size_t count = std::min(out.size(), done.size());
        std::copy_n(done.begin(), count, out.begin());
        done.erase(done.begin(), done.begin() + static_cast<std::ptrdiff_t>(count));
        return count;
    }
    void withdraw_buffers() noexcept override {
        ++withdrawals;
        mapping = DeviceSlots{};
    }

    /// Completes the buffer that was queued `index` places after the oldest one the device holds.
    void complete(std::size_t index = 0, BufferOutcome outcome = BufferOutcome::Filled) {
        const Held buffer = take(index);
        BufferCompletion completion;
        completion.slot = buffer.slot;
        completion.cookie = buffer.cookie;
        completion.outcome = outcome;
        completion.data = buffer.address;
        completion.info.tensor = image_layout(Dtype::UInt8, 1, static_cast<std::int32_t>(frame_bytes));
        completion.info.values_len_bytes = frame_bytes;
        done.push_back(completion);
    }
    /// Forgets a buffer: it never comes back.
    Held lose(std::size_t index) { return take(index); }
    void return_all() {
        while (!held.empty()) complete(0, BufferOutcome::Returned);
    }

    bool connected = true;
    bool refuse_queue = false;
    bool fail_start = false;
    bool keep_buffers_on_stop = false;
    bool running = false;
    int withdrawals = 0;
    std::uint32_t frame_bytes = 100;
    std::vector<Held> held;
    std::vector<BufferCompletion> done;
    std::vector<DeviceSlots> announced;
    DeviceSlots mapping;

private:
    Held take(std::size_t index) {
        const Held buffer = held.at(index);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(index));
        return buffer;
    }
};

}  // namespace tensorpool::test
