// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/producer.hpp>

#include "control/messages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tensorpool::producer {

/// Decides which reports about frames that are being filled become messages (WIRE-105 to WIRE-107, WIRE-114,
/// WIRE-115).
///
/// A frame has one STARTED; then at most one PROGRESS per interval, each a threshold past the one before; and
/// a COMPLETE. A report that comes too early is remembered, and its latest state is sent once the interval is
/// over. STARTED and PROGRESS of all frames together keep to a rate, with short bursts.
///
/// `send(FrameProgress)` composes and sends one message. Nothing is allocated after reset().
class ProgressReporter {
public:
    /// Forgets everything that was open.
    void reset(std::uint32_t nslots) {
        frames_ = std::make_unique<Frame[]>(nslots);
        mask_ = nslots - 1;
        open_.clear();
        open_.reserve(nslots);
    }

    [[nodiscard]] bool any_open() const noexcept { return !open_.empty(); }

    /// Filling of `seq` begins. False: the rate is used up, and this frame goes without progress.
    /// `line_bytes` is a row or column of it; 0 = not known.
    template <typename Send>
    bool begin(std::uint64_t seq, std::uint32_t values_len_bytes, std::uint32_t line_bytes,
               const ProgressLimits& limits, Nanos now_ns, Send&& send) noexcept {
        if (!take_credit(limits, now_ns)) return false;
        Frame& frame = frames_[seq & mask_];
        if (!frame.open) open_.push_back(static_cast<std::uint32_t>(seq & mask_));
        frame = {seq, values_len_bytes, threshold(limits, line_bytes), 0, 0, now_ns, true};
        send(message(frame, FrameProgressState::Started));
        return true;
    }

    [[nodiscard]] bool is_open(std::uint64_t seq) const noexcept {
        const Frame& frame = frames_[seq & mask_];
        return frame.open && frame.seq == seq;
    }

    /// The first `bytes` bytes are there. Precondition: is_open(seq).
    template <typename Send>
    ProgressResult report(std::uint64_t seq, std::uint32_t bytes, const ProgressLimits& limits, Nanos now_ns,
                          Send&& send) noexcept {
        Frame& frame = frames_[seq & mask_];
        if (bytes < frame.filled || bytes > frame.values_len_bytes) return ProgressResult::Refused;
        frame.filled = bytes;
        return send_if_due(frame, limits, now_ns, send) ? ProgressResult::Sent : ProgressResult::Deferred;
    }

    /// Sends what waited for its interval; returns how many.
    template <typename Send>
    int flush(const ProgressLimits& limits, Nanos now_ns, Send&& send) noexcept {
        int sent = 0;
        for (const std::uint32_t index : open_)
            sent += send_if_due(frames_[index], limits, now_ns, send) ? 1 : 0;
        return sent;
    }

    /// The frame is committed with this length. Says COMPLETE unless that would take back what was said.
    template <typename Send>
    void complete(std::uint64_t seq, std::uint32_t values_len_bytes, Send&& send) noexcept {
        if (!is_open(seq)) return;
        Frame& frame = frames_[seq & mask_];
        const bool consistent = values_len_bytes >= frame.sent;
        frame.filled = values_len_bytes;
        if (consistent) send(message(frame, FrameProgressState::Complete));
        forget(seq);
    }

    /// The frame will not be.
    void forget(std::uint64_t seq) noexcept {
        if (!is_open(seq)) return;
        frames_[seq & mask_].open = false;
        const auto at = std::find(open_.begin(), open_.end(), static_cast<std::uint32_t>(seq & mask_));
        if (at == open_.end()) return;
        *at = open_.back();
        open_.pop_back();
    }

private:
    struct Frame {
        std::uint64_t seq = 0;
        std::uint32_t values_len_bytes = 0;
        std::uint32_t threshold = 0;
        std::uint32_t filled = 0;  // as last reported to us
        std::uint32_t sent = 0;    // as last said to consumers
        Nanos sent_ns = 0;
        bool open = false;
    };
    static constexpr Nanos kBurst = 16;  // messages

    [[nodiscard]] static std::uint32_t threshold(const ProgressLimits& limits,
                                                 std::uint32_t line_bytes) noexcept {
        std::uint64_t bytes = limits.bytes_delta;
        if (limits.major_delta_units != 0 && line_bytes != 0)
            bytes = std::min(bytes, std::uint64_t{limits.major_delta_units} * line_bytes);
        bytes = std::max<std::uint64_t>(bytes, std::max<std::uint32_t>(limits.least_bytes_delta, 1));
        return static_cast<std::uint32_t>(bytes);
    }

    /// A token bucket in the form of the time at which it would be full.
    [[nodiscard]] bool take_credit(const ProgressLimits& limits, Nanos now_ns) noexcept {
        if (limits.max_rate_hz == 0) return true;
        const Nanos per_message_ns = kNanosPerSecond / limits.max_rate_hz;
        const Nanos full_ns = std::max(full_ns_, now_ns);
        if (full_ns - now_ns > (kBurst - 1) * per_message_ns) return false;
        full_ns_ = full_ns + per_message_ns;
        return true;
    }

    template <typename Send>
    bool send_if_due(Frame& frame, const ProgressLimits& limits, Nanos now_ns, Send&& send) noexcept {
        if (frame.filled - frame.sent < frame.threshold || now_ns - frame.sent_ns < limits.interval_ns ||
            !take_credit(limits, now_ns)) {
            return false;
        }
        frame.sent = frame.filled;
        frame.sent_ns = now_ns;
        send(message(frame, FrameProgressState::Progress));
        return true;
    }

    [[nodiscard]] static control::FrameProgress message(const Frame& frame,
                                                        FrameProgressState state) noexcept {
        control::FrameProgress progress;
        progress.seq = frame.seq;
        progress.payload_bytes_filled = frame.filled;
        progress.state = state;
        return progress;
    }

    std::unique_ptr<Frame[]> frames_;
    std::uint64_t mask_ = 0;
    std::vector<std::uint32_t> open_;  // indices into frames_
    Nanos full_ns_ = 0;
};

}  // namespace tensorpool::producer
