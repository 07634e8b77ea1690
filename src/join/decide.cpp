// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "join/barrier_impl.hpp"

#include <limits>

// Decisions: no allocation, no system call, one pass over the rules (JOIN-002).
namespace tensorpool {
namespace {

/// JOIN-025 to JOIN-028. The builtin adds as if both were infinitely wide (JT-21).
JoinWanted wanted_sequences(const JoinRule& rule, std::uint64_t out_seq) noexcept {
    if (rule.is_window) {
        if (out_seq < rule.window - 1) return {};
        return {out_seq - (rule.window - 1), out_seq};
    }
    std::uint64_t seq = 0;
    if (__builtin_add_overflow(out_seq, rule.offset, &seq)) return {};
    return {seq, seq};
}

/// JOIN-037 to JOIN-040.
JoinWanted wanted_times(const JoinRule& rule, std::uint64_t out_time_ns) noexcept {
    if (rule.is_window) {
        if (out_time_ns < rule.window) return {};
        return {out_time_ns - rule.window, out_time_ns};
    }
    std::uint64_t time = 0;
    if (__builtin_add_overflow(out_time_ns, rule.offset, &time) ||
        time == std::numeric_limits<std::uint64_t>::max()) {
        return {};
    }
    return {time, time};
}

}  // namespace

bool JoinBarrier::Impl::sequence_ok(const join::Input& input, std::uint64_t want) const noexcept {
    return join::reached(input.seq, want) &&
           (!options.processed_gate || join::reached(input.processed_seq, want));
}

bool JoinBarrier::Impl::time_ok(const join::TimeCursor& time, std::uint64_t want) const noexcept {
    return join::reached(time.observed, want, lateness_ns_) &&
           (!options.processed_gate || join::reached(time.processed, want, lateness_ns_));
}

/// The input's newest frame that is not known to be unusable.
std::optional<std::uint64_t> JoinBarrier::Impl::newest_of(const join::Input& input,
                                                          std::size_t source) const noexcept {
    std::optional<std::uint64_t> newest = input.seq;
    if (order == LatestOrder::Timestamp) {
        const join::TimeCursor& time = input.times[source];
        newest = time.observed ? std::optional(time.observed_seq) : std::nullopt;
    }
    return newest && newest == input.unusable_seq ? std::nullopt : newest;
}

void JoinBarrier::Impl::judge(std::size_t rule, bool ok, const JoinWanted& wanted, Nanos now_ns) noexcept {
    const join::Input& input = inputs[rules_[rule].input];
    JoinInput& judged = judged_[rule];
    judged.stream_id = input.stream_id;
    judged.first = wanted.first;
    judged.last = wanted.last;
    if (ok) {
        judged.state = JoinInputState::Present;
        ++present_;
        return;
    }
    // A requirement that cannot be met yet is never excused by silence (JT-18).
    judged.state = wanted.reachable() && input.stale(stale_timeout_ns_, now_ns) ? JoinInputState::Absent
                                                                                : JoinInputState::Missing;
}

const JoinDecision& JoinBarrier::Impl::decide_sequence(std::uint64_t out_seq, Nanos now_ns) noexcept {
    if (!has_map_) return no_map();
    present_ = rejected_ = 0;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const JoinWanted wanted = wanted_sequences(rules_[i], out_seq);
        const bool ok = wanted.reachable() && sequence_ok(inputs[rules_[i].input], wanted.last);
        judge(i, ok, wanted, now_ns);
    }
    return conclude(rules_.size());
}

std::optional<std::uint64_t> JoinBarrier::Impl::first_out_seq() noexcept {
    if (!has_map_) return std::nullopt;
    std::uint64_t first = 0;
    for (const JoinRule& rule : rules_) {
        const auto& seen = inputs[rule.input].first_seq;
        if (!seen) return std::nullopt;
        // The output whose earliest frame is the first one seen; before output 0 there is none.
        std::uint64_t out = 0;
        if (rule.is_window) {
            if (__builtin_add_overflow(*seen, rule.window - 1, &out)) return std::nullopt;
        } else if (__builtin_sub_overflow(*seen, rule.offset, &out)) {
            if (rule.offset < 0) return std::nullopt;
            out = 0;
        }
        first = std::max(first, out);
    }
    return first;
}

std::optional<std::uint64_t> JoinBarrier::Impl::newest_out_seq() noexcept {
    if (!has_map_) return std::nullopt;
    std::uint64_t newest = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t least = 0;
    for (const JoinRule& rule : rules_) {
        const auto& seen = inputs[rule.input].seq;
        if (!seen) return std::nullopt;
        std::uint64_t out = *seen;
        if (rule.is_window) {
            least = std::max(least, rule.window - 1);
        } else {
            if (__builtin_sub_overflow(*seen, rule.offset, &out)) {
                if (rule.offset > 0) return std::nullopt;  // it has not come to what output 0 asks for
                out = std::numeric_limits<std::uint64_t>::max();
            }
            if (rule.offset < 0) least = std::max(least, static_cast<std::uint64_t>(-rule.offset));
            if (rule.offset > 0)
                newest = std::min(newest, std::numeric_limits<std::uint64_t>::max() -
                                              static_cast<std::uint64_t>(rule.offset));
        }
        newest = std::min(newest, out);
    }
    return newest >= least ? std::optional(newest) : std::nullopt;
}

const JoinDecision& JoinBarrier::Impl::decide_time(std::uint64_t out_time_ns, ClockDomain domain,
                                                   Nanos now_ns) noexcept {
    if (!has_map_) return no_map();
    if (domain != timestamp_map->clock_domain) return reject(JoinFault::WrongClockDomain);
    if (last_out_time_ns_ && out_time_ns < *last_out_time_ns_) return reject(JoinFault::OutTimeWentBack);
    last_out_time_ns_ = out_time_ns;
    present_ = rejected_ = 0;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const JoinWanted wanted = wanted_times(rules_[i], out_time_ns);
        const join::TimeCursor& time = inputs[rules_[i].input].times[rules_[i].source];
        judge(i, wanted.reachable() && time_ok(time, wanted.last), wanted, now_ns);
        if (time.rejected) {
            judged_[i].state = JoinInputState::Rejected;
            ++rejected_;
        }
    }
    return conclude(rules_.size());
}

const JoinDecision& JoinBarrier::Impl::decide_latest(Nanos now_ns) noexcept {
    if (!has_map_) return no_map();
    const bool by_time = order == LatestOrder::Timestamp;
    if (by_time && !timestamp_map) return reject(JoinFault::NoTimestampsInMap);
    present_ = rejected_ = 0;
    for (std::size_t i = 0; i < latest_rules_.size(); ++i) {
        const std::size_t source = latest_rules_[i].source;
        const join::Input& input = inputs[i];
        JoinInput& judged = judged_[i];
        judged = {input.stream_id, JoinInputState::Missing, 1, 0};
        if (by_time && input.times[source].rejected) {
            judged.state = JoinInputState::Rejected;
            ++rejected_;
        } else if (input.stale(stale_timeout_ns_, now_ns)) {
            judged.state = JoinInputState::Absent;
        } else if (const auto newest = newest_of(input, source)) {
            judged = {input.stream_id, JoinInputState::Present, *newest, *newest};
            ++present_;
        }
    }
    return conclude(latest_rules_.size());
}

const JoinDecision& JoinBarrier::Impl::no_map() noexcept {
    ++counters.blocked;
    decision_ = {
        JoinState::Blocked, map_fault.empty() ? JoinFault::NoMap : JoinFault::InvalidMap, {}, {}, {}, {}};
    return decision_;
}

const JoinDecision& JoinBarrier::Impl::reject(JoinFault fault) noexcept {
    ++counters.rejected;
    decision_ = {JoinState::Rejected, fault, {}, {}, {}, {}};
    return decision_;
}

const JoinDecision& JoinBarrier::Impl::conclude(std::size_t rules) noexcept {
    absent_.clear();
    missing_.clear();
    rejected_ids_.clear();
    if (present_ != rules) name_inputs(rules);
    decision_ = {JoinState::NotReady, JoinFault::None, {judged_.data(), rules}, absent_, missing_,
                 rejected_ids_};
    if (rejected_ > 0) {  // wins over staleness (JT-17)
        ++counters.rejected;
        decision_.state = JoinState::Rejected;
        decision_.fault = JoinFault::InputRejected;
    } else if (present_ > 0 && missing_.empty()) {
        ++counters.ready;
        if (!absent_.empty()) ++counters.ready_with_absent;
        decision_.state = JoinState::Ready;
    } else {
        ++counters.not_ready;
    }
    return decision_;
}

void JoinBarrier::Impl::name_inputs(std::size_t rules) noexcept {
    static_assert(JoinInputState::Present < JoinInputState::Absent &&
                  JoinInputState::Absent < JoinInputState::Missing &&
                  JoinInputState::Missing < JoinInputState::Rejected);
    const bool one_each = rules == inputs.size();
    if (!one_each) {
        std::fill(worst_.begin(), worst_.end(), JoinInputState::Present);
        for (std::size_t i = 0; i < rules; ++i) {
            JoinInputState& worst = worst_[rules_[i].input];
            worst = std::max(worst, judged_[i].state);
        }
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::uint32_t stream_id = inputs[i].stream_id;
        switch (one_each ? judged_[i].state : worst_[i]) {
            case JoinInputState::Present:
                break;
            case JoinInputState::Absent:
                absent_.push_back(stream_id);
                break;
            case JoinInputState::Missing:
                missing_.push_back(stream_id);
                break;
            case JoinInputState::Rejected:
                rejected_ids_.push_back(stream_id);
                break;
        }
    }
}

}  // namespace tensorpool
