// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/device_pump.hpp>

#include "common/simulated_sdk.hpp"

#include <deque>
#include <vector>

namespace examples {

/// What an application writes for its SDK: the SDK's calls behind the interface that DevicePump drives.
class SdkDevice final : public tensorpool::BufferDevice {
public:
    SdkDevice(SimulatedSdk& sdk, tensorpool::FrameInfo format) : sdk_(sdk), format_(std::move(format)) {}

    [[nodiscard]] std::string_view device_name() const noexcept override { return "simulated camera"; }
    int do_work(tensorpool::Nanos) noexcept override { return 0; }
    [[nodiscard]] bool is_connected() const noexcept override { return true; }
    [[nodiscard]] std::uint32_t payload_bytes() const noexcept override {
        return static_cast<std::uint32_t>(sdk_.frame_bytes());
    }
    void announce_buffers(const tensorpool::DeviceSlots& slots) override {
        slots_ = slots;  // with keep_alive: the memory stays for as long as the SDK may write
        cookies_.assign(slots.nslots, 0);
        for (std::uint32_t i = 0; i < slots.nslots; ++i) sdk_.register_buffer(slots.slot(i));
    }
    [[nodiscard]] bool queue(std::uint32_t slot, std::byte*, std::uint64_t cookie) noexcept override {
        cookies_[slot] = cookie;
        sdk_.queue(slot);
        return true;
    }
    void start() override { sdk_.start(); }
    void stop() noexcept override { unused_ = sdk_.stop(); }
    [[nodiscard]] std::size_t poll(std::span<tensorpool::BufferCompletion> out) noexcept override {
        std::size_t count = 0;
        for (; count < out.size(); ++count) {
            if (const auto frame = sdk_.next_completion()) {
                out[count] = filled(*frame);
            } else if (!unused_.empty()) {
                out[count] = returned(unused_.front());
                unused_.pop_front();
            } else {
                break;
            }
        }
        return count;
    }
    void withdraw_buffers() noexcept override {
        sdk_.unregister_buffers();
        slots_ = {};
    }

private:
    [[nodiscard]] tensorpool::BufferCompletion returned(std::uint32_t slot) const noexcept {
        tensorpool::BufferCompletion unused;
        unused.slot = slot;
        unused.cookie = cookies_[slot];
        return unused;
    }
    [[nodiscard]] tensorpool::BufferCompletion filled(const SimulatedSdk::Completion& frame) const noexcept {
        tensorpool::BufferCompletion done;
        done.slot = frame.buffer;
        done.outcome =
            frame.complete ? tensorpool::BufferOutcome::Filled : tensorpool::BufferOutcome::Incomplete;
        done.cookie = cookies_[frame.buffer];
        done.data = slots_.slot(frame.buffer);
        done.info = format_;
        done.device_frame_id = frame.frame_number;
        done.device_timestamp_ns = frame.timestamp_ns;
        done.info.timestamp_ns = frame.timestamp_ns;
        return done;
    }

    SimulatedSdk& sdk_;
    const tensorpool::FrameInfo format_;
    tensorpool::DeviceSlots slots_;
    std::vector<std::uint64_t> cookies_;  // by slot
    std::deque<std::uint32_t> unused_;
};

}  // namespace examples
