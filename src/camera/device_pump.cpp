// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/device_pump.hpp>

#include "camera/pump_core.hpp"

#include <chrono>
#include <thread>

namespace tensorpool {

std::string_view to_string(PumpState state) noexcept {
    switch (state) {
        case PumpState::Waiting:
            return "waiting";
        case PumpState::Streaming:
            return "streaming";
        case PumpState::Stopping:
            return "stopping";
        case PumpState::Stopped:
            return "stopped";
    }
    return "unknown";
}

class DevicePump::Impl {
public:
    Impl(Producer& producer, BufferDevice& device, const DevicePumpOptions& options)
        : core(producer, device, options) {}

    camera::PumpCore<Producer> core;
    SingleThreadCheck thread_check;
};

DevicePump::DevicePump(Producer& producer, BufferDevice& device, DevicePumpOptions options)
    : impl_(std::make_unique<Impl>(producer, device, options)) {
}

DevicePump::~DevicePump() = default;

int DevicePump::do_work(Nanos now_ns) noexcept {
    impl_->thread_check.check("DevicePump");
    return impl_->core.do_work(now_ns);
}

void DevicePump::stop() noexcept {
    impl_->core.stop();
}

bool DevicePump::await_stopped(Nanos deadline_ns) noexcept {
    stop();
    for (;;) {
        const Nanos now_ns = monotonic_now_ns();
        do_work(now_ns);
        if (state() == PumpState::Stopped) return true;
        if (now_ns >= deadline_ns) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

void DevicePump::start() noexcept {
    impl_->core.start();
}

void DevicePump::before_publish(std::function<void(FrameInfo&)> handler) {
    impl_->core.before_publish(std::move(handler));
}

void DevicePump::on_frame(std::function<void(const PumpedFrame&)> handler) {
    impl_->core.on_frame(std::move(handler));
}

PumpState DevicePump::state() const noexcept {
    return impl_->core.state();
}

std::uint32_t DevicePump::outstanding() const noexcept {
    return impl_->core.outstanding();
}

const DevicePumpCounters& DevicePump::counters() const noexcept {
    return impl_->core.counters();
}

const std::string& DevicePump::last_error() const noexcept {
    return impl_->core.last_error();
}

}  // namespace tensorpool
