// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What the counters of a bridge say, read as another process reads them.

#include "bridge/two_hosts.hpp"
#include "telemetry/counter_list.hpp"

#include <gmock/gmock.h>

namespace tensorpool::test {
namespace {

using testing::HasSubstr;

class BridgeCountersTest : public TwoHosts {};

// spec: OBS-002, OBS-003, OBS-004, OBS-005, OBS-006, OT-04
TEST_F(BridgeCountersTest, ShowWhatEachEndOfAMappingDid) {
    start();
    publish(20000, 7);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    run(2);
    const auto at_a = client_in(a.dir, clock);
    const auto at_b = client_in(b.dir, clock);
    const std::string sending_end = "Bridge stream=2000 source=1000 end=sender instance=test";
    const std::string receiving_end = "Bridge stream=2000 source=1000 end=receiver instance=test";
    EXPECT_EQ(counter_value(*at_a, "FramesForwarded", sending_end), 1);
    EXPECT_EQ(counter_value(*at_a, "ChunksSent", sending_end), 16);
    EXPECT_EQ(counter_value(*at_b, "FramesRematerialized", receiving_end), 1);
    EXPECT_EQ(counter_value(*at_b, "BridgeDestEpoch", receiving_end),
              static_cast<std::int64_t>(receiving().dest_epoch));
    expect_published(*at_a, sending().counters, sending_end);
    expect_published(*at_b, receiving().counters, receiving_end);
    expect_published(*at_b, receiver->transport_counters(), "Bridge instance=test");
    for (const SeenCounter& counter : counters_seen_by(*at_b)) {
        if (counter.label.starts_with("ChunksDropped: ")) {
            EXPECT_EQ(counter.label, "ChunksDropped: NodeId=2000 Name=" + receiving_end);
            EXPECT_EQ(counter.type_id, 2000 << 16 | 5);
        }
    }
}

// spec: OBS-005, OBS-006
TEST_F(BridgeCountersTest, AreOneSetPerMappingAndAreGivenBackAtTheEnd) {
    options.mappings.push_back(options.mappings[0]);
    options.mappings[1].source_stream_id = 1001;
    options.mappings[1].dest_stream_id = 0;  // this end does not learn it
    start_sender();
    cycle();
    const auto reader = client_in(a.dir, clock);
    EXPECT_TRUE(counter_value(*reader, "FramesForwarded", "Bridge stream=2000 source=1000 "));
    EXPECT_TRUE(counter_value(*reader, "FramesForwarded", "Bridge stream=1001 source=1001 "));
    retire(sender);
    EXPECT_FALSE(counter_value(*reader, "FramesForwarded", "Bridge"));
    EXPECT_FALSE(counter_value(*reader, "ChunksUnroutable", "Bridge"));
}

}  // namespace
}  // namespace tensorpool::test
