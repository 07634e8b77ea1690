// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/publisher.hpp"
#include "support/allocation_counter.hpp"
#include "support/raw_stream.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/metadata.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kStream = 10000;

/// A publisher and a cache of one stream in two contexts, on a manual clock.
class MetadataTest : public ::testing::Test {
protected:
    MetadataTest() { publish(); }

    void publish(const std::string& name = "cam0") {
        publisher.reset();
        MetadataPublisherOptions options;
        options.stream_id = kStream;
        options.producer_id = 7;
        options.name = name;
        options.summary = "Mono8 480x640";
        publisher.emplace(*producing_, options);
    }
    void cycle() {
        if (publisher) publisher->do_work(clock_.now_ns());
        while (cache.do_work(clock_.now_ns()) > 0) {
        }
    }
    void advance(Nanos by_ns) {
        clock_.advance(by_ns);
        cycle();
    }
    [[nodiscard]] std::string text_of(std::uint32_t version, std::string_view key) const {
        const Metadata* const metadata = cache.find(version);
        if (metadata == nullptr) return "no such version";
        const MetadataAttribute* const attribute = metadata->find(key);
        return attribute == nullptr ? "no such key" : attribute->value;
    }
    static MetadataCacheOptions cache_options() {
        MetadataCacheOptions options;
        options.stream_id = kStream;
        options.max_versions = 3;
        options.max_attributes = 4;
        options.max_bytes = 1000;
        return options;
    }
    control::ControlPublisher by_hand() {
        const Endpoint endpoint = StreamEndpoints{}.metadata;
        return control::ControlPublisher(
            producing_->messaging().add_publication(endpoint.channel, endpoint.stream_id));
    }

    TempDir dir_;
    ManualClock clock_;
    std::unique_ptr<Context> producing_ = context_in(dir_, clock_);
    std::unique_ptr<Context> consuming_ = context_in(dir_, clock_);
    MetadataCache cache{*consuming_, cache_options()};
    std::optional<MetadataPublisher> publisher;
};

// spec: WIRE-117
TEST_F(MetadataTest, AnnouncesNameAndSummaryOncePerSecond) {
    cycle();
    ASSERT_NE(cache.source(), nullptr);
    EXPECT_EQ(cache.source()->name, "cam0");
    EXPECT_EQ(cache.source()->summary, "Mono8 480x640");
    EXPECT_EQ(cache.source()->producer_id, 7U);
    const std::uint64_t before = cache.counters().announces_received;
    for (int i = 0; i < 30; ++i) advance(kNanosPerSecond / 10);
    EXPECT_EQ(cache.counters().announces_received - before, 3U);
}

// spec: WIRE-118
TEST_F(MetadataTest, VersionGrowsExactlyWhenSomethingChanges) {
    EXPECT_EQ(publisher->version(), 1U);
    EXPECT_EQ(publisher->set("exposure_us", "100"), 2U);
    EXPECT_EQ(publisher->set("exposure_us", "100"), 2U);
    EXPECT_EQ(publisher->set("exposure_us", "200"), 3U);
    EXPECT_EQ(publisher->set({"exposure_us", std::string(metadata_format::kJson), "200"}), 4U);
    EXPECT_EQ(publisher->set("gain", "1"), 5U);
    EXPECT_EQ(publisher->remove("nothing"), 5U);
    EXPECT_EQ(publisher->remove("gain"), 6U);
    EXPECT_EQ(publisher->replace({{"exposure_us", std::string(metadata_format::kJson), "200"}}), 6U);
    EXPECT_EQ(publisher->replace({}), 7U);
    EXPECT_EQ(publisher->describe("cam0", "Mono8 480x640"), 7U);
    EXPECT_EQ(publisher->describe("cam0", "Mono16 480x640"), 8U);
    publisher->set_epoch(99);
    EXPECT_EQ(publisher->version(), 8U);
}

// spec: WIRE-118 WIRE-119 WIRE-033
TEST_F(MetadataTest, HandsAFrameTheVersionItNames) {
    const std::uint32_t first = publisher->set("exposure_us", "100");
    cycle();
    const std::uint32_t second = publisher->set("exposure_us", "200");
    EXPECT_EQ(cache.find(second), nullptr);
    cycle();
    EXPECT_EQ(text_of(first, "exposure_us"), "100");
    EXPECT_EQ(text_of(second, "exposure_us"), "200");
    EXPECT_EQ(cache.latest()->version, second);
    EXPECT_EQ(cache.find(0), nullptr);
    EXPECT_EQ(cache.source()->meta_version, second);
}

// The slot's header has no place for a region of interest: a frame names the version whose attributes hold
// it. spec: WIRE-034
TEST_F(MetadataTest, ARegionOfInterestIsAnAttributeOfTheVersionThatItsFramesName) {
    const std::uint32_t whole =
        publisher->set({"roi", "application/json", R"({"x":0,"y":0,"w":640,"h":480})"});
    cycle();
    const std::uint32_t part =
        publisher->set({"roi", "application/json", R"({"x":64,"y":32,"w":128,"h":96})"});
    cycle();
    EXPECT_EQ(text_of(whole, "roi"), R"({"x":0,"y":0,"w":640,"h":480})") << "frames of before keep theirs";
    EXPECT_EQ(text_of(part, "roi"), R"({"x":64,"y":32,"w":128,"h":96})");
    EXPECT_EQ(cache.find(part)->find("roi")->format, "application/json");
}

// spec: WIRE-119
TEST_F(MetadataTest, CarriesKeyFormatAndAnyBytes) {
    const std::string bytes("\0\xff\x80 x", 5);
    const std::uint32_t version = publisher->set({"blob", "sbe:7.3", bytes});
    cycle();
    EXPECT_THAT(cache.find(version)->attributes, ElementsAre(MetadataAttribute{"blob", "sbe:7.3", bytes}));
}

// spec: WIRE-119
TEST_F(MetadataTest, SendsAChangeInTheNextCycleAndNothingInBetween) {
    cycle();
    const std::uint64_t before = publisher->counters().metadata_published;
    advance(kNanosPerMilli);
    EXPECT_EQ(publisher->counters().metadata_published, before);
    publisher->set("gain", "2");
    advance(kNanosPerMilli);
    EXPECT_EQ(publisher->counters().metadata_published, before + 1);
}

// spec: WIRE-117 WIRE-119
TEST_F(MetadataTest, ServesALateJoinerWithinOnePeriod) {
    const std::uint32_t version = publisher->set("serial", "A17");
    cycle();
    MetadataCache late(*consuming_, cache_options());
    advance(kNanosPerSecond);
    late.do_work(clock_.now_ns());
    ASSERT_NE(late.find(version), nullptr);
    EXPECT_EQ(late.find(version)->find("serial")->value, "A17");
    ASSERT_NE(late.source(), nullptr);
}

TEST_F(MetadataTest, ForgetsTheOldestVersionBeyondItsLimit) {
    std::vector<std::uint32_t> versions;
    for (int i = 0; i < 5; ++i) {
        versions.push_back(publisher->set("i", std::to_string(i)));
        cycle();
    }
    EXPECT_EQ(cache.find(versions[1]), nullptr);
    EXPECT_EQ(text_of(versions[2], "i"), "2");
    EXPECT_EQ(text_of(versions[4], "i"), "4");
}

TEST_F(MetadataTest, AProducerThatStartsAgainReplacesTheVersionsOfItsPredecessor) {
    const std::uint32_t version = publisher->set("exposure_us", "100");
    cycle();
    publish("cam0 again");
    EXPECT_EQ(publisher->set("exposure_us", "900"), version);
    cycle();
    EXPECT_EQ(text_of(version, "exposure_us"), "900");
    EXPECT_EQ(cache.source()->name, "cam0 again");
    EXPECT_EQ(cache.counters().sources_replaced, 1U);
}

TEST_F(MetadataTest, StartsWithTheAttributesOfItsOptionsAsVersionOne) {
    MetadataPublisherOptions options;
    options.stream_id = kStream;
    options.attributes = {{"serial", "text/plain", "A17"}};
    publisher.reset();
    publisher.emplace(*producing_, options);
    cycle();
    EXPECT_EQ(text_of(1, "serial"), "A17");
    options.attributes.push_back({"serial", "text/plain", "B"});
    EXPECT_THROW(MetadataPublisher(*producing_, options), Error);
}

TEST_F(MetadataTest, IgnoresOtherStreams) {
    auto raw = by_hand();
    control::DataSourceMeta meta;
    meta.stream_id = kStream + 1;
    meta.meta_version = 5;
    ASSERT_TRUE(raw.send(meta));
    cycle();
    EXPECT_EQ(cache.find(5), nullptr);
}

TEST_F(MetadataTest, DropsWhatIsTooLargeAndCountsIt) {
    publisher.reset();
    auto raw = by_hand();
    control::DataSourceMeta meta;
    meta.stream_id = kStream;
    meta.meta_version = 2;
    meta.attributes.assign(5, {"k", "text/plain", ""});
    ASSERT_TRUE(raw.send(meta));
    meta.meta_version = 3;
    meta.attributes.assign(1, {"k", "text/plain", std::string(1001, 'x')});
    ASSERT_TRUE(raw.send(meta));
    meta.meta_version = 4;
    meta.attributes.assign(1, {"k", "text/plain", "ok"});
    ASSERT_TRUE(raw.send(meta));
    cycle();
    EXPECT_EQ(cache.find(2), nullptr);
    EXPECT_EQ(cache.find(3), nullptr);
    EXPECT_EQ(text_of(4, "k"), "ok");
    EXPECT_EQ(cache.counters().dropped_too_large, 2U);
}

TEST_F(MetadataTest, RefusesWhatCannotBeSentAndKeepsWhatItHad) {
    const std::uint32_t version = publisher->set("gain", "1");
    EXPECT_THROW(publisher->set("", "x"), Error);
    EXPECT_THROW(publisher->set("g\xc3\xa4in", "x"), Error);
    EXPECT_THROW(publisher->set({"gain", "", "x"}), Error);
    EXPECT_THROW(publisher->replace({{"a", "text/plain", "1"}, {"a", "text/plain", "2"}}), Error);
    EXPECT_THROW(publisher->describe("cam\n", ""), Error);
    try {
        publisher->set("huge", std::string(1U << 20, 'x'));
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::NoSpace);
        EXPECT_THAT(error.what(), HasSubstr("term-length"));
    }
    EXPECT_EQ(publisher->version(), version);
    cycle();
    EXPECT_EQ(text_of(version, "gain"), "1");
}

TEST_F(MetadataTest, LooksUpAVersionWithoutAllocating) {
    const std::uint32_t version = publisher->set("gain", "1");
    cycle();
    const std::uint64_t before = allocations_of_this_thread();
    EXPECT_NE(cache.find(version), nullptr);
    EXPECT_EQ(allocations_of_this_thread(), before);
}

}  // namespace
}  // namespace tensorpool::test
