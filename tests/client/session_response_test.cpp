// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "session_harness.hpp"

#include "control/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

// Answers as a driver should, and should not, give them.
namespace tensorpool {
namespace {

using control::AttachRequest;
using control::AttachResponse;
using control::DetachRequest;
using test::SessionHarness;
using test::TestClient;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kStream = SessionHarness::kStream;

/// A session that waits for the answer to its first request.
TestClient& asking(SessionHarness& harness, Role role = Role::Consumer) {
    TestClient& client = harness.add(harness.options(role, 42));
    client->request_attach();
    harness.step();
    return client;
}

struct Fault {
    const char* name;
    void (*apply)(AttachResponse&);
};

class SessionFaultTest : public ::testing::TestWithParam<Fault> {};

// spec: DRV-060, DRV-061, DRV-062, DRV-063, DRV-081
TEST_P(SessionFaultTest, AnOkThatCannotBeRightIsGivenBackAndAskedForAnew) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    AttachResponse response = harness.granting(harness.all<AttachRequest>()[0]);
    GetParam().apply(response);
    harness.say(response);
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Backoff);
    EXPECT_EQ(client->attachment(), nullptr);
    EXPECT_EQ(client->generation(), 0U);
    EXPECT_EQ(client->counters().protocol_errors, 1U);
    EXPECT_THAT(client->last_error(), HasSubstr("invalid attach response"));
    const auto detaches = harness.all<DetachRequest>();
    ASSERT_THAT(detaches, SizeIs(response.lease_id ? 1 : 0));
    if (response.lease_id) {
        EXPECT_EQ(detaches[0].lease_id, *response.lease_id);
        EXPECT_EQ(detaches[0].client_id, 42U);
        EXPECT_EQ(detaches[0].role, Role::Consumer);
        EXPECT_EQ(detaches[0].stream_id, response.stream_id.value_or(kStream));
    }
    ASSERT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 2; }));
    harness.say(harness.granting(harness.all<AttachRequest>()[1]));
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Attached);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, SessionFaultTest,
    ::testing::Values(
        Fault{"NoLease", [](AttachResponse& r) { r.lease_id.reset(); }},
        Fault{"NoStream", [](AttachResponse& r) { r.stream_id.reset(); }},
        Fault{"AnotherStream", [](AttachResponse& r) { r.stream_id = 10001; }},
        Fault{"NoEpoch", [](AttachResponse& r) { r.epoch.reset(); }},
        Fault{"NoLayoutVersion", [](AttachResponse& r) { r.layout_version.reset(); }},
        Fault{"NoSlots", [](AttachResponse& r) { r.header_nslots.reset(); }},
        Fault{"NoSlotBytes", [](AttachResponse& r) { r.header_slot_bytes.reset(); }},
        Fault{"SlotBytes128", [](AttachResponse& r) { r.header_slot_bytes = 128; }},
        Fault{"SlotsNoPowerOfTwo",
              [](AttachResponse& r) {
                  r.header_nslots = 12;
                  r.pools[0].nslots = 12;
              }},
        Fault{"NoPools", [](AttachResponse& r) { r.pools.clear(); }},
        Fault{"PoolSlotsDiffer", [](AttachResponse& r) { r.pools[0].nslots = 16; }},
        Fault{"StrideNoPowerOfTwo", [](AttachResponse& r) { r.pools[0].stride_bytes = 4095; }},
        Fault{"PoolTwice", [](AttachResponse& r) { r.pools.push_back(r.pools[0]); }},
        Fault{"NoHeaderUri", [](AttachResponse& r) { r.header_region_uri.clear(); }},
        Fault{"BlankHeaderUri", [](AttachResponse& r) { r.header_region_uri = " \t "; }},
        Fault{"NoPoolUri", [](AttachResponse& r) { r.pools[0].region_uri.clear(); }},
        Fault{"BlankPoolUri", [](AttachResponse& r) { r.pools[0].region_uri = "   "; }},
        Fault{"ForeignScheme", [](AttachResponse& r) { r.header_region_uri = "file:///dev/shm/x"; }},
        Fault{"RelativePath", [](AttachResponse& r) { r.header_region_uri = "shm:file?path=x/header.ring"; }},
        Fault{"UnknownParameter",
              [](AttachResponse& r) { r.pools[0].region_uri = "shm:file?path=/dev/shm/x|mode=rw"; }},
        Fault{"NoPath",
              [](AttachResponse& r) { r.pools[0].region_uri = "shm:file?require_hugepages=true"; }}),
    [](const auto& fault) { return fault.param.name; });

std::vector<std::byte> bytes_of(const AttachResponse& response) {
    std::vector<std::byte> bytes(4096);
    bytes.resize(control::encode(bytes, response));
    return bytes;
}

// spec: DRV-081
TEST(SessionResponseTest, AnAnswerThatCannotBeReadToItsEndIsAProtocolError) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    const auto bytes = bytes_of(harness.granting(harness.all<AttachRequest>()[0]));
    harness.say_raw({bytes.begin(), bytes.end() - 1});
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Backoff);
    EXPECT_EQ(client->counters().protocol_errors, 1U);
}

// spec: DRV-081
TEST(SessionResponseTest, AnAnswerWithAnUnknownCodeIsAProtocolErrorAndNotASuccess) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    AttachResponse response = harness.granting(harness.all<AttachRequest>()[0]);
    response.code = static_cast<ResponseCode>(9);
    harness.say(response);
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Backoff);
    EXPECT_EQ(client->counters().protocol_errors, 1U);
}

// spec: DRV-015, DRV-016
TEST(SessionResponseTest, AnAnswerOfANewerVersionOrAnotherSchemaIsNotTaken) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    for (const auto& [offset, value] : {std::pair{6, 2}, std::pair{4, 902}, std::pair{2, 9}}) {
        auto bytes = bytes_of(harness.granting(harness.all<AttachRequest>()[0]));
        const auto raw = static_cast<std::uint16_t>(value);
        std::memcpy(bytes.data() + offset, &raw, sizeof(raw));
        harness.say_raw(bytes);
        harness.step();
        EXPECT_EQ(client->state(), SessionState::Attaching) << value;
    }
    EXPECT_EQ(client->attachment(), nullptr);
}

// spec: TRP-04
TEST(SessionResponseTest, AnswersToOthersAreIgnored) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    AttachResponse foreign = harness.granting(harness.all<AttachRequest>()[0]);
    ++foreign.correlation_id;
    harness.say(foreign);
    foreign.code = ResponseCode::InvalidParams;
    harness.say(foreign);
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Attaching);
    EXPECT_EQ(client->counters().attach_refused, 0U);
    EXPECT_THAT(harness.all<DetachRequest>(), IsEmpty()) << "that lease is not ours to end";
}

// spec: DRV-034
TEST(SessionResponseTest, AfterAnOkFurtherAnswersToTheSameRequestChangeNothing) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    AttachResponse response = harness.granting(harness.all<AttachRequest>()[0]);
    harness.say(response);
    harness.step();
    ASSERT_EQ(client->state(), SessionState::Attached);
    response.lease_id = 78;
    response.epoch = 6;
    harness.say(response);
    response.code = ResponseCode::Rejected;
    response.error_message = "changed my mind";
    harness.say(response);
    harness.step();
    ASSERT_NE(client->attachment(), nullptr);
    EXPECT_EQ(client->attachment()->lease_id, 77U);
    EXPECT_EQ(client->attachment()->epoch, 5U);
    EXPECT_EQ(client->generation(), 1U);
    EXPECT_EQ(client->counters().attach_refused, 0U);
}

// spec: TRP-05, DRV-034
TEST(SessionResponseTest, ALateOkIsAdoptedByASessionThatStillWantsTheLease) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    ASSERT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 3; }));
    const auto requests = harness.all<AttachRequest>();
    harness.say(harness.granting(requests[0]));
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Attached);
    EXPECT_EQ(client->counters().late_responses, 1U);
    AttachResponse refusal;  // the driver's answer to the later requests
    refusal.correlation_id = requests[2].correlation_id;
    refusal.code = ResponseCode::Rejected;
    refusal.error_message = "client_id already attached";
    harness.say(refusal);
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Attached);
    EXPECT_EQ(client->client_id(), 42U);
    EXPECT_THAT(harness.all<DetachRequest>(), IsEmpty());
}

// spec: TRP-05
TEST(SessionResponseTest, ALateOkIsGivenBackByASessionThatNoLongerWantsTheLease) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    client->detach();
    EXPECT_EQ(client->state(), SessionState::Unattached);
    harness.say(harness.granting(harness.all<AttachRequest>()[0]));
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Unattached);
    harness.step();
    const auto detaches = harness.all<DetachRequest>();
    ASSERT_THAT(detaches, SizeIs(1));
    EXPECT_EQ(detaches[0].lease_id, 77U);
}

// spec: TRP-05
TEST(SessionResponseTest, ALateOkForALeaseThatIsHeldAlreadyIsNotGivenBack) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    ASSERT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 2; }));
    const auto requests = harness.all<AttachRequest>();
    harness.say(harness.granting(requests[1]));
    harness.say(harness.granting(requests[0]));  // the driver knew it for the same request
    harness.step();
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Attached);
    EXPECT_THAT(harness.all<DetachRequest>(), IsEmpty());
}

// spec: TRP-05
TEST(SessionResponseTest, ASecondLeaseFromALateOkIsGivenBackAndTheFirstStays) {
    SessionHarness harness;
    TestClient& client = asking(harness);
    ASSERT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 2; }));
    const auto requests = harness.all<AttachRequest>();
    harness.say(harness.granting(requests[1]));
    AttachResponse late = harness.granting(requests[0]);
    late.lease_id = 99;
    harness.say(late);
    harness.step();
    harness.step();
    ASSERT_NE(client->attachment(), nullptr);
    EXPECT_EQ(client->attachment()->lease_id, 77U);
    const auto detaches = harness.all<DetachRequest>();
    ASSERT_THAT(detaches, SizeIs(1));
    EXPECT_EQ(detaches[0].lease_id, 99U);
}

// spec: DRV-028, TRP-05
TEST(SessionResponseTest, ALateOkForAClientIdThatWasGivenUpIsNotTakenForTheNewOne) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer));
    client->request_attach();
    ASSERT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 2; }));
    const auto requests = harness.all<AttachRequest>();
    AttachResponse taken;
    taken.correlation_id = requests[1].correlation_id;
    taken.code = ResponseCode::Rejected;
    taken.error_message = "client_id already attached";
    harness.say(taken);
    harness.step();
    ASSERT_NE(client->client_id(), requests[0].client_id);
    harness.say(harness.granting(requests[0]));
    harness.step();
    EXPECT_NE(client->state(), SessionState::Attached);
    ASSERT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 3; }));
    EXPECT_EQ(harness.all<AttachRequest>()[2].client_id, client->client_id());
}

// spec: DRV-067, DRV-068
TEST(SessionResponseTest, EveryRefusalCodeEndsInAPauseWithItsNameAndText) {
    for (const auto& [code, name] : {std::pair{ResponseCode::Unsupported, "UNSUPPORTED"},
                                     std::pair{ResponseCode::InvalidParams, "INVALID_PARAMS"},
                                     std::pair{ResponseCode::Rejected, "REJECTED"},
                                     std::pair{ResponseCode::InternalError, "INTERNAL_ERROR"}}) {
        SessionHarness harness;
        TestClient& client = asking(harness);
        AttachResponse refusal;
        refusal.correlation_id = harness.all<AttachRequest>()[0].correlation_id;
        refusal.code = code;
        refusal.error_message = "because";
        harness.say(refusal);
        harness.step();
        EXPECT_EQ(client->state(), SessionState::Backoff);
        EXPECT_EQ(client->last_error(), std::string(name) + ": because");
    }
}

}  // namespace
}  // namespace tensorpool
