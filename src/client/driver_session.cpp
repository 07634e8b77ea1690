// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/driver_session.hpp>
#include <tensorpool/error.hpp>

#include "client/session_impl.hpp"

#include <fmt/format.h>

#include <utility>

namespace tensorpool {
namespace {

constexpr Nanos kIdleNs = kNanosPerMilli;

}  // namespace

DriverSession::DriverSession(Context& context, DriverSessionOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

DriverSession::~DriverSession() = default;

void DriverSession::request_attach() noexcept {
    impl_->request_attach();
}

const Attachment& DriverSession::await_attach(Nanos deadline_ns) {
    request_attach();
    while (true) {
        const Nanos now_ns = impl_->context.clock().now_ns();
        do_work(now_ns);
        if (const Attachment* granted = attachment()) return *granted;
        if (impl_->refused_for_good) {
            detach();
            throw Error(ErrorCode::Rejected, fmt::format("stream {}: the driver refused: {}",
                                                         impl_->options.stream_id, last_error()));
        }
        if (now_ns >= deadline_ns) {
            const std::string reason = last_error().empty()
                                           ? fmt::format(
                                                 "no driver answers on control stream {}; is one running "
                                                 "with this messaging directory?",
                                                 impl_->options.control.stream_id)
                                           : last_error();
            throw Error(ErrorCode::Timeout,
                        fmt::format("stream {}: not attached: {}", impl_->options.stream_id, reason));
        }
        impl_->wait(kIdleNs);
    }
}

void DriverSession::detach() noexcept {
    impl_->detach();
}

bool DriverSession::await_detach(Nanos deadline_ns) noexcept {
    detach();
    while (state() != SessionState::Unattached) {
        const Nanos now_ns = impl_->context.clock().now_ns();
        do_work(now_ns);
        if (now_ns >= deadline_ns) break;
        if (state() != SessionState::Unattached) impl_->wait(kIdleNs);
    }
    return impl_->detach_confirmed;
}

int DriverSession::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}
SessionState DriverSession::state() const noexcept {
    return impl_->state;
}
const Attachment* DriverSession::attachment() const noexcept {
    return impl_->state == SessionState::Attached ? &impl_->attachment : nullptr;
}
std::uint64_t DriverSession::generation() const noexcept {
    return impl_->generation;
}
std::uint32_t DriverSession::client_id() const noexcept {
    return impl_->client_id;
}
const std::string& DriverSession::last_error() const noexcept {
    return impl_->last_error;
}
const DriverSessionCounters& DriverSession::counters() const noexcept {
    return impl_->counters;
}
const DriverSessionOptions& DriverSession::options() const noexcept {
    return impl_->options;
}

}  // namespace tensorpool
