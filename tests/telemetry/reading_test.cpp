// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/reading.hpp"
#include "telemetry/counter_set.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tensorpool::test {
namespace {

using telemetry::CounterReader;
using telemetry::Owner;

class ReadingTest : public testing::Test {
protected:
    /// What the reader makes of a counter with this label, of `owner`.
    [[nodiscard]] std::optional<telemetry::Reading> read(const Owner& owner, const std::string& label) const {
        const auto key = telemetry::key_of(owner);
        messaging::CounterInfo info;
        info.id = 5;
        info.type_id = -1;  // type ids say nothing (OT-01)
        info.value = 42;
        info.key = key;
        info.label = label;
        return reader_.read(info);
    }

    CounterReader reader_;
};

// spec: OBS-005
TEST_F(ReadingTest, FindsRoleStreamAndInstanceInTheOwnersName) {
    const Owner owner = telemetry::stream_owner("Producer", 77, 10000, "daq 1\n");
    EXPECT_EQ(owner.name, "Producer stream=10000 instance=daq_1_");
    const auto reading = read(owner, telemetry::label_of("FramesPublished", owner));
    ASSERT_TRUE(reading);
    EXPECT_EQ(reading->role, "Producer");
    EXPECT_EQ(reading->owner.id, 77u);
    EXPECT_EQ(reading->stream_id, 10000u);
    EXPECT_EQ(reading->instance, "daq_1_");
    EXPECT_EQ(reading->metric.name, "producer_frames_published");
    EXPECT_EQ(reading->value, 42u);
}

// spec: OBS-005
TEST_F(ReadingTest, AnUnnamedProcessIsAnUnknownInstance) {
    EXPECT_EQ(telemetry::stream_owner("Producer", 1, 2, "").name, "Producer stream=2 instance=unknown");
}

TEST_F(ReadingTest, LeavesOutWhatIsNoneOfOurs) {
    const Owner owner{"Producer stream=1 instance=x", 1};
    EXPECT_FALSE(read(owner, "Bytes sent: 7")) << "a media driver's";
    EXPECT_FALSE(read(owner, "FramesPublished"));
    EXPECT_FALSE(read(owner, "Unheard: NodeId=1 Name=Producer"));
    EXPECT_FALSE(read(owner, "DropsGap: NodeId=1 Name=Producer")) << "another role's";
    EXPECT_FALSE(read({"Stranger", 1}, "FramesPublished: NodeId=1 Name=Stranger"));
    EXPECT_FALSE(read({"", 1}, "FramesPublished: NodeId=1 Name="));
}

TEST_F(ReadingTest, TakesNoStreamFromANameThatLies) {
    const Owner owner{"Producer stream=99999999999 instance=", 1};
    const auto reading = read(owner, telemetry::label_of("FramesPublished", owner));
    ASSERT_TRUE(reading);
    EXPECT_FALSE(reading->stream_id);
    EXPECT_EQ(reading->instance, "");
    const Owner glued{"Producer xstream=5", 1};
    EXPECT_FALSE(read(glued, telemetry::label_of("FramesPublished", glued))->stream_id);
}

}  // namespace
}  // namespace tensorpool::test
