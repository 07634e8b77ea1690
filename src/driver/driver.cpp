// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/driver.hpp>

#include "driver/driver_impl.hpp"

namespace tensorpool {

Driver::Driver(Context& context, DriverConfig config)
    : impl_(std::make_unique<Impl>(context, std::move(config))) {
}

Driver::~Driver() {
    impl_->close();
}

int Driver::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}
void Driver::on_close() noexcept {
    impl_->close();
}
void Driver::request_shutdown(ShutdownReason reason) noexcept {
    impl_->request_shutdown(reason);
}
DriverLifecycle Driver::lifecycle() const noexcept {
    return impl_->lifecycle.load(std::memory_order_relaxed);
}
bool Driver::revoke(std::uint64_t lease_id, std::string_view why) {
    return impl_->revoke(lease_id, why);
}
const DriverConfig& Driver::config() const noexcept {
    return impl_->config;
}
const DriverCounters& Driver::counters() const noexcept {
    return impl_->counters;
}
DriverStatus Driver::status() const {
    return impl_->status();
}
std::vector<DriverLeaseInfo> Driver::leases() const {
    return impl_->leases();
}
std::vector<DriverStreamInfo> Driver::streams() const {
    return impl_->streams();
}
std::vector<DriverAssignedStreams> Driver::assigned_streams() const {
    return impl_->consumer_streams.assigned();
}
void Driver::wait(Nanos timeout_ns) noexcept {
    impl_->wait(timeout_ns);
}

std::string_view to_string(DriverLifecycle lifecycle) noexcept {
    switch (lifecycle) {
        case DriverLifecycle::Starting:
            return "STARTING";
        case DriverLifecycle::Running:
            return "RUNNING";
        case DriverLifecycle::Draining:
            return "DRAINING";
        case DriverLifecycle::Stopped:
            return "STOPPED";
    }
    return "UNKNOWN";
}

}  // namespace tensorpool
