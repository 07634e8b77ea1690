// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/consumer.hpp>
#include <tensorpool/error.hpp>

#include "base/frame_path.hpp"
#include "consumer/consumer_impl.hpp"

#include <fmt/format.h>

#include <utility>

namespace tensorpool {

Consumer::Consumer(Context& context, ConsumerOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options), nullptr)) {
}

Consumer::Consumer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {
}

Consumer Consumer::from_attach(Context& context, DriverSession& session, ConsumerOptions options) {
    options.use_driver = true;
    options.stream_id = session.options().stream_id;
    options.consumer_id = session.client_id();
    return Consumer(std::make_unique<Impl>(context, std::move(options), &session));
}

// The agent base has no state to move.
// NOLINTNEXTLINE(readability-redundant-member-init): gcc warns without it
Consumer::Consumer(Consumer&& other) noexcept : Agent(), impl_(std::move(other.impl_)) {
}

Consumer::~Consumer() = default;

void Consumer::await_ready(Nanos deadline_ns) {
    const Clock& clock = impl_->context.clock();
    while (true) {
        const Nanos now_ns = clock.now_ns();
        do_work(now_ns);
        if (is_ready()) return;
        if (now_ns >= deadline_ns) {
            throw Error(ErrorCode::Timeout, fmt::format("consumer of stream {}: not ready: {}",
                                                        impl_->options.stream_id, last_error()));
        }
        wait(kNanosPerMilli);
    }
}

bool Consumer::is_ready() const noexcept {
    return impl_->tracker.mapping() != nullptr;
}

TP_FRAME_PATH int Consumer::poll_frames(void (*call)(void*, const Frame&), void* handler,
                                        int limit) noexcept {
    return impl_->poll(call, handler, limit);
}

bool Consumer::read_frame(std::uint64_t seq, void (*call)(void*, const Frame&), void* handler) noexcept {
    return impl_->read(seq, call, handler);
}

void Consumer::on_frame(std::function<void(const Frame&)> handler) {
    impl_->frame_handler = std::move(handler);
}

void Consumer::on_overrun(std::function<void(std::uint64_t)> handler) {
    impl_->overrun_handler = std::move(handler);
}

void Consumer::on_progress(std::function<void(const PartialFrame&)> handler) {
    impl_->progress_handler = std::move(handler);
}

void Consumer::on_start() {
    impl_->thread_check.release();
}

int Consumer::do_work(Nanos now_ns) noexcept {
    impl_->thread_check.check("consumer");
    return impl_->do_work(now_ns);
}
void Consumer::wait(Nanos timeout_ns) noexcept {
    impl_->wait(timeout_ns);
}

bool Consumer::still_mapped(const Frame& frame) const noexcept {
    return frame.mapping_id_ != 0 && frame.mapping_id_ == impl_->tracker.mapping_id();
}

MappingState Consumer::mapping_state() const noexcept {
    if (!impl_->remote.use_shm) return MappingState::Fallback;
    return is_ready() ? MappingState::Mapped : MappingState::Unmapped;
}

bool Consumer::on_own_stream() const noexcept {
    return impl_->descriptors.on_own();
}

const std::string& Consumer::fallback_uri() const noexcept {
    return impl_->remote.fallback_uri;
}

std::uint32_t Consumer::stream_id() const noexcept {
    return impl_->options.stream_id;
}
std::uint32_t Consumer::consumer_id() const noexcept {
    return impl_->consumer_id;
}
std::uint64_t Consumer::epoch() const noexcept {
    return impl_->tracker.epoch();
}
std::uint64_t Consumer::last_seq() const noexcept {
    return impl_->sequence.last();
}
const ConsumerCounters& Consumer::counters() const noexcept {
    return impl_->counters;
}

std::string Consumer::last_error() const {
    if (is_ready()) return {};
    if (!impl_->remote.use_shm) {
        return impl_->remote.fallback_uri.empty() ? "told not to read shared memory"
                                                  : "told to read " + impl_->remote.fallback_uri + " instead";
    }
    if (impl_->session != nullptr && impl_->session->attachment() == nullptr) {
        const std::string& error = impl_->session->last_error();
        return error.empty()
                   ? "no driver answered yet; is one running on this messaging directory and control stream?"
                   : error;
    }
    const std::string& error = impl_->tracker.last_error();
    return error.empty() ? "no announce of this stream has arrived yet" : error;
}

}  // namespace tensorpool
