// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/counter_set.hpp"
#include "messaging/embedded_backend.hpp"
#include "support/allocation_counter.hpp"
#include "telemetry/counter_list.hpp"
#include "telemetry/tables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <set>

namespace tensorpool::test {
namespace {

using telemetry::CounterSet;
using telemetry::Owner;

struct Totals {
    std::uint64_t frames = 0;
    std::uint64_t drops = 0;
};
constexpr telemetry::Row<Totals> kRows[] = {{{3, "Frames", "frames", "frames"}, &Totals::frames},
                                            {{4, "Drops", "drops", "drops"}, &Totals::drops}};

class CounterSetTest : public testing::Test {
protected:
    [[nodiscard]] std::optional<std::int64_t> value(const std::string& label) {
        return counter_value(*reader, label, "Test");
    }
    void cycle(int work = 0) {
        now_ns += CounterSet::kPeriod;
        set->cycle(now_ns, work, [] {});
    }

    EmbeddedBackend backend;
    std::unique_ptr<messaging::Client> client = backend.make_client();
    std::unique_ptr<messaging::Client> reader = backend.make_client();
    Totals totals;
    std::unique_ptr<CounterSet> set = std::make_unique<CounterSet>(*client, Owner{"Test", 7});
    Nanos now_ns = 0;
};

// spec: OBS-002, OT-01
TEST(CounterIdTest, HoldsTheOwnersIdAboveTheNumberAndStaysPositive) {
    EXPECT_EQ(telemetry::type_id_of(7, 3), 0x70003);
    EXPECT_EQ(telemetry::type_id_of(32767, 9), 0x7fff0009);
    EXPECT_GT(telemetry::type_id_of(0, 3), 0xffff) << "0 is Aeron's own range";
    for (const std::uint64_t id : {32768ULL, 65535ULL, 65536ULL, 0x7fffffffULL, 0xffffffffULL})
        EXPECT_GT(telemetry::type_id_of(id, 3), 0xffff) << id;
}

// spec: OBS-003, OBS-004
TEST_F(CounterSetTest, NamesItsOwnerInKeyAndLabel) {
    set->add<Totals>(kRows, totals);
    const auto seen = counters_seen_by(*reader);
    ASSERT_EQ(seen.size(), 4u);
    EXPECT_EQ(seen[2].label, "Frames: NodeId=7 Name=Test");
    const std::string key(reinterpret_cast<const char*>(seen[2].key.data()), seen[2].key.size());
    EXPECT_EQ(key, std::string("\x07\0\0\0\0\0\0\0Test", 12));
    EXPECT_EQ(seen[2].type_id, 7 << 16 | 3);
}

// spec: OBS-006, OBS-007
TEST_F(CounterSetTest, PublishesTotalsOncePerDutyCycle) {
    set->add<Totals>(kRows, totals);
    totals.frames = 41;
    EXPECT_EQ(value("Frames"), 0) << "the role counts unseen until its cycle";
    cycle();
    EXPECT_EQ(value("Frames"), 41);
    totals.frames = 42;
    cycle();
    EXPECT_EQ(value("Frames"), 42);
    EXPECT_EQ(value("Drops"), 0);
}

TEST_F(CounterSetTest, CountsCyclesAndWorkItself) {
    cycle(5);
    cycle(0);
    cycle(-1);
    EXPECT_EQ(value("TotalDutyCycles"), 3);
    EXPECT_EQ(value("TotalWorkDone"), 5);
}

TEST_F(CounterSetTest, LeavesTheCellsAloneWithinAPeriod) {
    set->add<Totals>(kRows, totals);
    cycle();
    totals.frames = 5;
    int refreshed = 0;
    set->cycle(now_ns + CounterSet::kPeriod - 1, 0, [&] { ++refreshed; });
    EXPECT_EQ(refreshed, 0);
    EXPECT_EQ(value("Frames"), 0);
    set->cycle(now_ns + CounterSet::kPeriod, 0, [&] { ++refreshed; });
    EXPECT_EQ(refreshed, 1);
    EXPECT_EQ(value("Frames"), 5);
}

// spec: OBS-006
TEST_F(CounterSetTest, GivesItsCountersBackWhenTheRoleCloses) {
    set->add<Totals>(kRows, totals);
    set.reset();
    EXPECT_TRUE(counters_seen_by(*reader).empty());
}

TEST_F(CounterSetTest, PublishingAllocatesNothing) {
    set->add<Totals>(kRows, totals);
    const std::uint64_t before = allocations_of_this_thread();
    for (int i = 0; i < 1000; ++i) {
        ++totals.frames;
        cycle(1);
    }
    EXPECT_EQ(allocations_of_this_thread() - before, 0u);
}

TEST_F(CounterSetTest, GoesOnUnseenWhenThereIsNoRoom) {
    std::vector<std::unique_ptr<messaging::Counter>> all;
    try {
        while (true) all.push_back(client->add_counter(1, {}, "fill"));
    } catch (const std::exception&) {
    }
    set->add<Totals>(kRows, totals);
    totals.frames = 3;
    cycle(1);
    EXPECT_EQ(value("Frames"), std::nullopt);
    EXPECT_EQ(value("TotalWorkDone"), 1) << "what was there before goes on";
}

/// Keeps what it is told.
class RecordingTelemetry final : public TelemetrySink {
public:
    void value(std::string_view metric, std::string_view owner, std::uint64_t value) noexcept override {
        seen.emplace_back(std::string(metric) + " " + std::string(owner), value);
    }
    std::vector<std::pair<std::string, std::uint64_t>> seen;
};

// spec: OBS-008
TEST_F(CounterSetTest, TellsTheHostsSinkWhatChangedWhenTelemetryIsOn) {
    RecordingTelemetry sink;
    set->add<Totals>(kRows, totals);
    ::unsetenv("TP_TELEMETRY");
    set_telemetry_sink(&sink);
    totals.frames = 1;
    cycle();
    EXPECT_TRUE(sink.seen.empty()) << "off by default";
    ::setenv("TP_TELEMETRY", "1", 1);
    set_telemetry_sink(&sink);
    totals.frames = 2;
    cycle();
    set_telemetry_sink(nullptr);
    ::unsetenv("TP_TELEMETRY");
    EXPECT_THAT(sink.seen, testing::Contains(std::pair<std::string, std::uint64_t>("frames Test", 2)));
    EXPECT_THAT(sink.seen,
                testing::Not(testing::Contains(testing::Field(&std::pair<std::string, std::uint64_t>::first,
                                                              testing::StartsWith("drops")))));
    const std::size_t before = sink.seen.size();
    cycle();
    EXPECT_EQ(sink.seen.size(), before) << "removed";
}

TEST(MetricTableTest, GivesEveryMetricOfARoleItsOwnNumberLabelAndName) {
    for (const std::string_view role : telemetry::roles()) {
        std::set<std::uint16_t> numbers;
        std::set<std::string_view> labels;
        for (const telemetry::Metric& metric : telemetry::metrics_of(role)) {
            EXPECT_TRUE(numbers.insert(metric.number).second) << role << " " << metric.number;
            EXPECT_TRUE(labels.insert(metric.label).second) << role << " " << metric.label;
            EXPECT_FALSE(metric.help.empty()) << metric.label;
            const bool gauge = metric.number >= telemetry::kFirstGaugeNumber;
            EXPECT_EQ(metric.kind == telemetry::Kind::Gauge, gauge) << metric.label;
        }
    }
    EXPECT_TRUE(telemetry::metrics_of("Nobody").empty());
}

// spec: OBS-005
TEST(MetricTableTest, NamesTheCountersOfTheProtocolAsItDoes) {
    const auto names_of = [](std::string_view role) {
        std::vector<std::string> names;
        for (const telemetry::Metric& metric : telemetry::metrics_of(role)) {
            if (metric.number < 3 || metric.number >= telemetry::kFirstOwnNumber) continue;
            names.push_back(std::to_string(metric.number) + " " + std::string(metric.label) + " " +
                            std::string(metric.name));
        }
        return names;
    };
    EXPECT_THAT(names_of("Bridge"),
                testing::ElementsAre(
                    "3 FramesForwarded bridge_frames_forwarded", "4 ChunksSent bridge_chunks_sent",
                    "5 ChunksDropped bridge_chunks_dropped", "6 AssembliesReset bridge_assemblies_reset",
                    "7 ControlForwarded bridge_control_forwarded",
                    "8 FramesRematerialized bridge_frames_rematerialized"));
    EXPECT_THAT(names_of("Supervisor"), testing::ElementsAre("3 ConfigPublished supervisor_config_published",
                                                             "4 LivenessChecks supervisor_liveness_checks"));
    EXPECT_THAT(
        names_of("Driver"),
        testing::ElementsAre("3 AttachResponses driver_attach_responses",
                             "4 AttachResponseDrops driver_attach_response_drops",
                             "5 DetachResponses driver_detach_responses", "6 Keepalives driver_keepalives",
                             "7 LeaseRevoked driver_lease_revoked", "8 Announces driver_announces",
                             "9 LeaseHsmUnhandled driver_lease_hsm_unhandled"));
}

/// `of_every_role` are members that the set itself publishes, as it does for every role.
template <typename Source>
void expect_every_member_listed(std::initializer_list<std::uint64_t Source::*> of_every_role = {}) {
    std::set<std::size_t> offsets;
    const Source source{};
    const auto note = [&](std::uint64_t Source::*member) {
        offsets.insert(static_cast<std::size_t>(reinterpret_cast<const char*>(&(source.*member)) -
                                                reinterpret_cast<const char*>(&source)));
    };
    for (const auto& row : telemetry::rows<Source>()) note(row.member);
    for (const auto member : of_every_role) note(member);
    for (std::size_t at = 0; at < sizeof(Source); at += sizeof(std::uint64_t))
        EXPECT_TRUE(offsets.count(at) == 1)
            << typeid(Source).name() << ": nothing publishes the member at byte " << at;
}

TEST(MetricTableTest, PublishesEveryCounterThatARoleHas) {
    expect_every_member_listed<ProducerCounters>();
    expect_every_member_listed<ConsumerCounters>();
    expect_every_member_listed<DriverCounters>({&DriverCounters::duty_cycles, &DriverCounters::work_done});
    expect_every_member_listed<SupervisorCounters>();
    expect_every_member_listed<DiscoveryProviderCounters>();
    expect_every_member_listed<BridgeCounters>();
    expect_every_member_listed<BridgeTransportCounters>();
    expect_every_member_listed<RateLimiterCounters>();
    expect_every_member_listed<JoinCounters>();
    expect_every_member_listed<MergeMapClientCounters>();
    expect_every_member_listed<TracerCounters>();
    expect_every_member_listed<TraceRecorderCounters>();
    expect_every_member_listed<TraceStoreCounters>();
}

TEST(MetricTableTest, PublishesEveryGaugeThatARoleHas) {
    expect_every_member_listed<telemetry::ProducerGauges>();
    expect_every_member_listed<telemetry::ConsumerGauges>();
    expect_every_member_listed<telemetry::DriverGauges>();
    expect_every_member_listed<telemetry::SupervisorGauges>();
    expect_every_member_listed<telemetry::DiscoveryGauges>();
    expect_every_member_listed<telemetry::BridgeGauges>();
    expect_every_member_listed<telemetry::RateLimiterGauges>();
    expect_every_member_listed<telemetry::JoinGauges>();
    expect_every_member_listed<telemetry::TraceRecorderGauges>();
}

}  // namespace
}  // namespace tensorpool::test
