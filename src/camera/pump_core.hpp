// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.hpp"

#include <tensorpool/device_pump.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tensorpool::camera {

/// The pump without a Producer: `Sink` has is_ready(), generation(), pool_for(bytes), device_slots(pool),
/// reserve(pool), publish(reservation, info) and abandon(reservation) with the meaning Producer gives them.
template <typename Sink>
class PumpCore {
public:
    PumpCore(Sink& sink, BufferDevice& device, const DevicePumpOptions& options)
        : sink_(sink), device_(device), options_(options), retry_ns_(options.retry_initial_ns) {
        if (options.queued == 0)
            throw Error(ErrorCode::InvalidArgument,
                        "DevicePump: queued: 0 buffers can hold no frame; give at least 1");
        if (options.retry_initial_ns <= 0 || options.retry_max_ns < options.retry_initial_ns)
            throw Error(ErrorCode::InvalidArgument,
                        "DevicePump: retry_initial_ns must be positive and at most retry_max_ns");
    }
    PumpCore(const PumpCore&) = delete;
    PumpCore& operator=(const PumpCore&) = delete;

    ~PumpCore() {
        stop();
        if (state_ == PumpState::Streaming) begin_stop();
        collect();
        for (Entry& entry : entries_)
            if (entry.out) sink_.abandon(entry.reservation);
        if (slots_.first_slot != nullptr) device_.withdraw_buffers();
    }

    int do_work(Nanos now_ns) noexcept {
        int work = device_.do_work(now_ns);
        work += collect();
        if (limit_reached()) stop();
        switch (state_) {
            case PumpState::Waiting:
                work += try_start(now_ns);
                break;
            case PumpState::Streaming:
                work += keep_streaming();
                break;
            case PumpState::Stopping:
            case PumpState::Stopped:
                break;
        }
        if (state_ == PumpState::Stopping && outstanding_ == 0) {
            finish_stop();
            ++work;
        }
        return work;
    }

    void stop() noexcept {
        stop_requested_ = true;
        if (state_ == PumpState::Waiting) state_ = PumpState::Stopped;
    }

    void start() noexcept {
        stop_requested_ = false;
        if (state_ == PumpState::Stopped) state_ = PumpState::Waiting;
    }

    void before_publish(std::function<void(FrameInfo&)> handler) { complete_info_ = std::move(handler); }
    void on_frame(std::function<void(const PumpedFrame&)> handler) { handler_ = std::move(handler); }

    [[nodiscard]] PumpState state() const noexcept { return state_; }
    [[nodiscard]] std::uint32_t outstanding() const noexcept { return outstanding_; }
    [[nodiscard]] const DevicePumpCounters& counters() const noexcept { return counters_; }
    [[nodiscard]] const std::string& last_error() const noexcept { return last_error_; }

private:
    /// One per slot of the mapping.
    struct Entry {
        Reservation reservation;
        std::uint64_t cookie = 0;
        bool out = false;      // the device has it
        bool overdue = false;  // and is not expected to give it back soon
    };

    static constexpr std::size_t kBatch = 16;
    static constexpr int kBatchesPerCycle = 4;
    // A buffer this many times `queued` later ones have overtaken is not merely out of order.
    static constexpr std::uint64_t kOverdueFactor = 4;

    int try_start(Nanos now_ns) noexcept {
        if (now_ns < retry_at_ns_ || !device_.is_connected() || !sink_.is_ready()) return 0;
        try {
            start_device();
            last_error_.clear();
            retry_ns_ = options_.retry_initial_ns;
            return 1;
        } catch (const std::exception& error) {
            start_failed(now_ns, error.what());
        } catch (...) {
            start_failed(now_ns, "unknown exception");
        }
        return 0;
    }

    void start_device() {
        const std::uint32_t bytes = device_.payload_bytes();
        const auto pool = options_.pool_id != 0 ? std::optional(options_.pool_id) : sink_.pool_for(bytes);
        if (!pool)
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("{}: a frame of {} bytes fits no payload pool of the stream (WIRE-056)",
                                    device_.device_name(), bytes));
        auto slots = sink_.device_slots(*pool);
        if (!slots)
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("{}: the stream has no payload pool {}", device_.device_name(), *pool));
        if (bytes > slots->stride_bytes)
            throw Error(
                ErrorCode::InvalidConfig,
                fmt::format("{}: a frame of {} bytes does not fit the {}-byte slots of payload pool {}",
                            device_.device_name(), bytes, slots->stride_bytes, *pool));
        entries_.assign(slots->nslots, Entry{});
        order_.assign(std::bit_ceil(std::size_t{slots->nslots}) * 2, 0);
        oldest_cookie_ = next_cookie_;
        device_.announce_buffers(*slots);
        slots_ = std::move(*slots);
        pool_id_ = *pool;
        state_ = PumpState::Streaming;
        overrun_ = false;
        refill();  // before start: no frame should find the device without a buffer
        try {
            device_.start();
        } catch (...) {
            begin_stop();
            throw;
        }
        ++counters_.device_starts;
    }

    void start_failed(Nanos now_ns, const char* why) noexcept {
        ++counters_.device_start_failures;
        set_error(why);
        retry_at_ns_ = now_ns + retry_ns_;
        retry_ns_ = std::min(retry_ns_ * 2, options_.retry_max_ns);
    }

    int keep_streaming() noexcept {
        if (stop_requested_) {
            begin_stop();
            return 1 + collect();
        }
        if (!sink_.is_ready() || sink_.generation() != slots_.generation) {
            ++counters_.mapping_losses;
            set_error("the lease or mapping of the stream ended; waiting for the next one");
            begin_stop();
            return 1 + collect();
        }
        if (!device_.is_connected()) {
            ++counters_.device_losses;
            set_error("the device disconnected; waiting for it to come back");
            begin_stop();
            return 1 + collect();
        }
        return refill();
    }

    void begin_stop() noexcept {
        state_ = PumpState::Stopping;
        device_.stop();
    }

    void finish_stop() noexcept {
        device_.withdraw_buffers();
        slots_ = DeviceSlots{};
        entries_.clear();
        state_ = stop_requested_ ? PumpState::Stopped : PumpState::Waiting;
    }

    /// Tops the device up to the wanted number of buffers, also when fewer would do for the frames that are
    /// left: many devices finish their last buffer only once they have another one.
    int refill() noexcept {
        int queued = 0;
        while (!overrun_ && outstanding_ - overdue_ < options_.queued) {
            auto reservation = sink_.reserve(pool_id_);
            if (!reservation) {
                if (reservation.error() == ClaimError::WouldOverrun) ++counters_.queue_refused_overrun;
                // Asking again before anything came back would only count the same refusal once per cycle.
                overrun_ = outstanding_ != 0;
                break;
            }
            if (!hand_over(*reservation)) break;
            ++queued;
        }
        return queued;
    }

    [[nodiscard]] bool limit_reached() const noexcept {
        return options_.frame_limit != 0 && counters_.frames_published >= options_.frame_limit;
    }

    bool hand_over(const Reservation& reservation) noexcept {
        if (reservation.slot >= entries_.size() || reservation.generation != slots_.generation ||
            entries_[reservation.slot].out) {
            ++counters_.queue_refused_busy;
            sink_.abandon(reservation);
            return false;
        }
        Entry& entry = entries_[reservation.slot];
        entry = Entry{reservation, next_cookie_, true, false};
        if (!device_.queue(reservation.slot, reservation.payload, entry.cookie)) {
            entry.out = false;
            ++counters_.queue_refused_device;
            sink_.abandon(reservation);
            overrun_ = outstanding_ != 0;
            return false;
        }
        if (next_cookie_ - oldest_cookie_ == order_.size()) pass_over_oldest();
        order_[next_cookie_ & (order_.size() - 1)] = reservation.slot;
        ++next_cookie_;
        ++outstanding_;
        ++counters_.buffers_queued;
        return true;
    }

    int collect() noexcept {
        std::array<BufferCompletion, kBatch> batch;
        int work = 0;
        for (int round = 0; round < kBatchesPerCycle; ++round) {
            const std::size_t count = std::min(device_.poll(batch), kBatch);
            for (std::size_t i = 0; i < count; ++i) complete(batch[i]);
            work += static_cast<int>(count);
            if (count < kBatch) break;
        }
        return work;
    }

    void complete(const BufferCompletion& completion) noexcept {
        if (completion.slot >= entries_.size() || !entries_[completion.slot].out ||
            entries_[completion.slot].cookie != completion.cookie) {
            ++counters_.completions_unexpected;
            return;
        }
        Entry& entry = entries_[completion.slot];
        entry.out = false;
        --outstanding_;
        if (entry.overdue) --overdue_;
        overrun_ = false;
        if (limit_reached()) {
            ++counters_.buffers_returned;
            sink_.abandon(entry.reservation);
            return;
        }
        counters_.frames_missed += completion.frames_missed_before;
        if (completion.outcome == BufferOutcome::Filled) {
            finish_frame(entry.reservation, completion);
            note_overtaken(completion.cookie);
        } else {
            ++(completion.outcome == BufferOutcome::Incomplete ? counters_.frames_incomplete
                                                               : counters_.buffers_returned);
            sink_.abandon(entry.reservation);
        }
    }

    void finish_frame(const Reservation& reservation, const BufferCompletion& completion) noexcept {
        if (completion.data != reservation.payload) {  // publishing would show readers another frame's bytes
            ++counters_.frames_refused;
            sink_.abandon(reservation);
            return;
        }
        FrameInfo info = completion.info;
        call(complete_info_, info);
        const PublishResult result = sink_.publish(reservation, info);
        switch (result) {
            case PublishResult::Published:
            case PublishResult::NotConnected:
            case PublishResult::DescriptorLost:
                ++counters_.frames_published;
                counters_.bytes_published += completion.info.values_len_bytes;
                break;
            case PublishResult::InvalidFrame:
                ++counters_.frames_refused;
                break;
            case PublishResult::Stale:
                ++counters_.frames_stale;
                break;
        }
        call(handler_, PumpedFrame{reservation.seq, reservation.slot, completion.data, result, completion});
    }

    template <typename Handler, typename Argument>
    void call(const Handler& handler, Argument&& argument) noexcept {
        if (!handler) return;
        try {
            handler(argument);
        } catch (...) {
            ++counters_.handler_errors;
        }
    }

    /// Buffers far older than one that just completed no longer count as waiting at the device, so that a
    /// device that loses buffers does not starve.
    void note_overtaken(std::uint64_t completed_cookie) noexcept {
        const std::uint64_t distance = kOverdueFactor * options_.queued;
        while (oldest_cookie_ != next_cookie_) {
            const Entry& entry = entries_[order_[oldest_cookie_ & (order_.size() - 1)]];
            const bool still_out = entry.out && entry.cookie == oldest_cookie_;
            if (still_out && oldest_cookie_ + distance >= completed_cookie) return;
            pass_over_oldest();
        }
    }

    void pass_over_oldest() noexcept {
        Entry& entry = entries_[order_[oldest_cookie_ & (order_.size() - 1)]];
        if (entry.out && entry.cookie == oldest_cookie_ && !entry.overdue) {
            entry.overdue = true;
            ++overdue_;
            ++counters_.buffers_overdue;
        }
        ++oldest_cookie_;
    }

    void set_error(const char* text) noexcept {
        try {
            if (last_error_ != text) {
                last_error_ = text;
                base::log(LogLevel::Warn, "Camera", "{}: {}", device_.device_name(), last_error_);
            }
        } catch (...) {  // out of memory: the counters still tell
        }
    }

    Sink& sink_;
    BufferDevice& device_;
    DevicePumpOptions options_;
    std::function<void(FrameInfo&)> complete_info_;
    std::function<void(const PumpedFrame&)> handler_;

    PumpState state_ = PumpState::Waiting;
    bool stop_requested_ = false;
    bool overrun_ = false;  // no more buffers until one came back
    Nanos retry_ns_;
    Nanos retry_at_ns_ = 0;
    std::string last_error_;

    DeviceSlots slots_;
    std::uint16_t pool_id_ = 0;
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> order_;  // slot of each cookie from oldest_cookie_ on; a ring
    std::uint64_t oldest_cookie_ = 1;
    std::uint64_t next_cookie_ = 1;
    std::uint32_t outstanding_ = 0;
    std::uint32_t overdue_ = 0;
    DevicePumpCounters counters_;
};

}  // namespace tensorpool::camera
