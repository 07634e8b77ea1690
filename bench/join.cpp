// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"

#include <tensorpool/join.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

// What one join decision costs, and that it grows with the number of inputs and no faster.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kFirstInput = 10'000;
constexpr std::uint32_t kOut = 20'000;

/// Every other input has a window, as in a pipeline that looks back.
SequenceMergeMap map_of(std::uint32_t inputs) {
    SequenceMergeMap map{kOut, 1, kNanosPerSecond, {}};
    for (std::uint32_t i = 0; i < inputs; ++i) {
        map.rules.push_back(i % 2 == 0 ? SequenceRule::at_offset(kFirstInput + i, -1)
                                       : SequenceRule::window(kFirstInput + i, 4));
    }
    return map;
}

/// Best of the rounds: the machine only ever adds to it.
double decision_ns(std::uint32_t inputs, int rounds) {
    constexpr std::uint64_t kOutputs = 20'000;
    SequenceJoin join({.out_stream_id = kOut, .out_epoch = 1});
    join.apply(map_of(inputs));
    for (std::uint32_t i = 0; i < inputs; ++i) join.observe({kFirstInput + i, 1, kOutputs + 10}, 0);
    double best = 0;
    const std::uint64_t allocations = allocation_count();
    for (int round = 0; round < rounds; ++round) {
        std::uint64_t ready = 0;
        const Nanos start = monotonic_now_ns();
        for (std::uint64_t out_seq = 4; out_seq < 4 + kOutputs; ++out_seq)
            ready += std::uint64_t{join.decide(out_seq, 1).ready()};
        const double ns = static_cast<double>(monotonic_now_ns() - start) / static_cast<double>(kOutputs);
        if (ready != kOutputs) throw std::runtime_error("a join was not ready");
        best = round == 0 ? ns : std::min(best, ns);
    }
    if (allocation_count() != allocations) throw std::runtime_error("a join decision allocated");
    return best;
}

}  // namespace

void join_group(const Options& options, Results& results) {
    pin_to(0);
    const int rounds = options.quick ? 20 : 60;
    double of_8 = 0;
    double of_32 = 0;
    for (const std::uint32_t inputs : {2U, 8U, 32U}) {
        const double ns = decision_ns(inputs, rounds);
        if (inputs == 8) of_8 = ns;
        if (inputs == 32) of_32 = ns;
        results.add("join_" + std::to_string(inputs) + "_ns", ns, "ns", "one decision, all inputs ready");
    }
    results.add_ratio("join_32_over_8", of_32 / of_8, "<= 5");
}

}  // namespace tensorpool::bench
