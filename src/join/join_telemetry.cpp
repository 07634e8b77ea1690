// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/join_telemetry.hpp>

#include "messaging/messaging.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/tables.hpp"

namespace tensorpool {

class JoinTelemetry::Impl {
public:
    Impl(Context& context, const JoinBarrier& barrier, const MergeMapClient* maps)
        : barrier_(barrier),
          published_(context.messaging(),
                     telemetry::stream_owner("Join", barrier.out_stream_id(), barrier.out_stream_id(),
                                             context.instance())) {
        published_.add(telemetry::rows<JoinCounters>(), barrier.counters());
        if (maps != nullptr) published_.add(telemetry::rows<MergeMapClientCounters>(), maps->counters());
        published_.add(telemetry::rows<telemetry::JoinGauges>(), gauges_);
    }

    void show(Nanos now_ns) noexcept {
        const JoinCounters& n = barrier_.counters();
        const std::uint64_t done = n.frames_observed + n.ready;
        const auto work = static_cast<int>(done - done_);
        done_ = done;
        published_.cycle(now_ns, work, [this]() noexcept {
            gauges_ = {barrier_.out_epoch(), barrier_.input_stream_ids().size()};
        });
    }

private:
    const JoinBarrier& barrier_;
    std::uint64_t done_ = 0;
    telemetry::JoinGauges gauges_;
    telemetry::CounterSet published_;
};

JoinTelemetry::JoinTelemetry(Context& context, const JoinBarrier& barrier, const MergeMapClient* maps)
    : impl_(std::make_unique<Impl>(context, barrier, maps)) {
}

JoinTelemetry::~JoinTelemetry() = default;

int JoinTelemetry::do_work(Nanos now_ns) noexcept {
    impl_->show(now_ns);
    return 0;
}

}  // namespace tensorpool
