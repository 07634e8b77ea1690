// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/outbox.hpp"

#include "base/timer.hpp"

namespace tensorpool::driver {
namespace {

constexpr Nanos kPatienceNs = kNanosPerSecond;
constexpr std::size_t kMaxWaiting = 4096;

}  // namespace

Outbox::Outbox(std::unique_ptr<messaging::Publication> control,
               std::unique_ptr<messaging::Publication> announces, Report report)
    : control_(std::move(control)), report_(std::move(report)) {
    if (announces) announces_.emplace(std::move(announces));
}

std::optional<Outbox::Fate> Outbox::try_send(const Message& message, bool last_try) {
    const bool is_announce = std::holds_alternative<control::PoolAnnounce>(message);
    control::ControlPublisher& publisher = is_announce && announces_ ? *announces_ : control_;
    const auto result =
        std::visit([&publisher](const auto& typed) { return publisher.send(typed); }, message);
    if (result) return Fate::Sent;
    const bool answers_somebody = std::holds_alternative<control::AttachResponse>(message) ||
                                  std::holds_alternative<control::DetachResponse>(message);
    switch (result.error()) {
        case messaging::SendError::NotConnected:
            // Only an answer has somebody who asked for it and must be there; news without readers is no
            // loss.
            if (answers_somebody && !last_try) return std::nullopt;
            return Fate::NobodyListens;
        case messaging::SendError::BackPressured:
        case messaging::SendError::AdminAction:
            if (!last_try) return std::nullopt;
            return Fate::Failed;
        default:
            return Fate::Failed;
    }
}

void Outbox::post(Message message, Nanos now_ns) {
    if (waiting_.empty()) {
        if (const auto fate = try_send(message, false)) {
            report_(message, *fate);
            return;
        }
    } else if (waiting_.size() >= kMaxWaiting) {
        report_(message, Fate::Failed);
        return;
    }
    waiting_.push_back({std::move(message), base::saturating_add(now_ns, kPatienceNs)});
}

int Outbox::do_work(Nanos now_ns) {
    int settled = 0;
    while (!waiting_.empty()) {
        const auto fate = try_send(waiting_.front().message, now_ns >= waiting_.front().give_up_ns);
        if (!fate) break;
        const Waiting done = std::move(waiting_.front());
        waiting_.pop_front();
        report_(done.message, *fate);
        ++settled;
    }
    return settled;
}

}  // namespace tensorpool::driver
