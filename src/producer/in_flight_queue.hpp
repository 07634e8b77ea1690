// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace tensorpool::producer {

/// What a descriptor says beside stream and epoch.
struct DescriptorFields {
    std::uint64_t seq = 0;
    std::uint64_t trace_id = 0;
    std::uint32_t meta_version = 0;
};

/// The frames between reserve() and their descriptor, in sequence order.
///
/// Devices complete out of order, but descriptors leave in order (trap T9): a finished frame waits here until
/// every earlier one is finished, abandoned or too old. A slot whose reservation timed out is "held": the
/// device may still write into it, so its index is skipped until the device gives it back.
///
/// One entry per ring slot; nothing is allocated after reset().
class InFlightQueue {
public:
    enum class Finish : std::uint8_t {
        Ok,
        TooLate,  ///< the reservation had timed out; its slot is free again
        Unknown,  ///< never handed out, or finished before
    };

    /// `nslots` is a power of two and `max_open` below it. Forgets everything that was in flight.
    void reset(std::uint32_t nslots, std::uint32_t max_open) {
        entries_ = std::make_unique<Entry[]>(nslots);
        mask_ = nslots - 1;
        max_open_ = max_open;
        head_ = next_ = floor_ = 0;
        open_ = held_ = 0;
    }

    [[nodiscard]] std::uint64_t next_seq() const noexcept { return next_; }
    /// Reservations handed out and neither finished nor timed out.
    [[nodiscard]] std::uint32_t open() const noexcept { return open_; }
    /// Timed-out reservations whose slot a device may still write into.
    [[nodiscard]] std::uint32_t held() const noexcept { return held_; }

    /// Makes the next sequence number reservable, turning those whose slot is held into gaps. False: too many
    /// reservations are open, or the ring would lap a frame whose descriptor has not left yet.
    [[nodiscard]] bool make_room(std::uint64_t& gaps) noexcept {
        if (open_ >= max_open_ || open_ + held_ > mask_) return false;
        while (held_ != 0 && entries_[next_ & mask_].state == State::TimedOut && next_ - head_ <= mask_) {
            const bool nothing_before = head_ == next_;
            ++next_;  // drain() steps over it: the entry still carries its older seq
            if (nothing_before) ++head_;
            ++gaps;
        }
        return next_ - head_ <= mask_;
    }

    /// Precondition: make_room() just returned true.
    std::uint64_t reserve(Nanos now_ns) noexcept {
        const std::uint64_t seq = next_++;
        Entry& entry = entries_[seq & mask_];
        entry.seq = seq;
        entry.state = State::Reserved;
        entry.reserved_ns = now_ns;
        ++open_;
        return seq;
    }

    /// Makes `seq` the next to be handed out; those between are gaps. False, and nothing changes: `seq` was
    /// passed already, or it would lap a frame whose descriptor has not left yet.
    [[nodiscard]] bool skip_to(std::uint64_t seq) noexcept {
        if (seq < next_ || (head_ != next_ && seq - head_ > mask_)) return false;
        if (head_ == next_) head_ = seq;
        next_ = seq;  // drain() steps over the entries between: they carry other sequence numbers
        return true;
    }

    enum class Place : std::uint8_t {
        Reserved,
        Full,    ///< as make_room() says: finish an earlier one first
        Passed,  ///< emitted already, reserved already, or a whole ring behind
    };

    /// Reserves a given number, in any order as long as all that are in flight fit the ring. Numbers between
    /// that nobody reserves are gaps. Precondition: nothing is ever held (no expire()).
    Place reserve_at(std::uint64_t seq, Nanos now_ns) noexcept {
        if (seq < floor_) return Place::Passed;
        const bool idle = head_ == next_;
        if (!idle && seq < next_ && next_ - 1 - seq > mask_) return Place::Passed;
        if (!idle && seq >= head_ && seq < next_ && entries_[seq & mask_].seq == seq) return Place::Passed;
        if (open_ >= max_open_ || (!idle && seq >= next_ && seq - head_ > mask_)) return Place::Full;
        head_ = idle ? seq : std::min(head_, seq);
        next_ = idle ? seq + 1 : std::max(next_, seq + 1);
        Entry& entry = entries_[seq & mask_];
        entry.seq = seq;
        entry.state = State::Reserved;
        entry.reserved_ns = now_ns;
        ++open_;
        return Place::Reserved;
    }

    /// What publish() or abandon() would answer, without doing it.
    [[nodiscard]] Finish look(std::uint64_t seq) const noexcept {
        const Entry& entry = entries_[seq & mask_];
        if (entry.seq != seq) return Finish::Unknown;
        if (entry.state == State::TimedOut) return Finish::TooLate;
        return entry.state == State::Reserved ? Finish::Ok : Finish::Unknown;
    }

    /// The frame is committed: its descriptor may leave.
    Finish publish(const DescriptorFields& fields) noexcept {
        const Finish result = close(fields.seq, State::Committed);
        if (result == Finish::Ok) entries_[fields.seq & mask_].fields = fields;
        return result;
    }

    /// The frame will not be: a gap.
    Finish abandon(std::uint64_t seq) noexcept { return close(seq, State::Abandoned); }

    /// Emits, in order, every frame that no earlier one holds back.
    template <typename Emit>
    void drain(Emit&& emit) noexcept {
        while (head_ != next_) {
            Entry& entry = entries_[head_ & mask_];
            const bool current = entry.seq == head_;
            if (current && entry.state == State::Reserved) return;
            ++head_;
            if (!current || entry.state == State::TimedOut) continue;  // a gap
            const bool committed = entry.state == State::Committed;
            entry.state = State::Free;
            if (!committed) continue;
            floor_ = head_;
            emit(entry.fields);
        }
    }

    /// Turns reservations that are `limit_ns` old into gaps; returns how many.
    std::uint32_t expire(Nanos now_ns, Nanos limit_ns) noexcept {
        std::uint32_t expired = 0;
        for (std::uint64_t seq = head_; open_ != 0 && seq != next_; ++seq) {
            Entry& entry = entries_[seq & mask_];
            if (entry.seq != seq || entry.state != State::Reserved) continue;
            if (now_ns - entry.reserved_ns < limit_ns) break;  // later ones are younger
            entry.state = State::TimedOut;
            --open_;
            ++held_;
            ++expired;
        }
        return expired;
    }

private:
    enum class State : std::uint8_t { Free, Reserved, Committed, Abandoned, TimedOut };

    struct Entry {
        std::uint64_t seq = ~std::uint64_t{0};
        Nanos reserved_ns = 0;
        DescriptorFields fields;
        State state = State::Free;
    };

    Finish close(std::uint64_t seq, State to) noexcept {
        const Finish result = look(seq);
        Entry& entry = entries_[seq & mask_];
        if (result == Finish::Ok) {
            entry.state = to;
            --open_;
        } else if (result == Finish::TooLate) {
            entry.state = State::Free;
            --held_;
        }
        return result;
    }

    std::unique_ptr<Entry[]> entries_;
    std::uint64_t mask_ = 0;
    std::uint64_t head_ = 0;  // oldest seq whose descriptor has not left
    std::uint64_t next_ = 0;
    std::uint64_t floor_ = 0;  // one past the last that was emitted
    std::uint32_t max_open_ = 0;
    std::uint32_t open_ = 0;
    std::uint32_t held_ = 0;
};

}  // namespace tensorpool::producer
