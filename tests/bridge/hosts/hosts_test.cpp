// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Hosts with networks, media drivers and drivers of their own, and what happens between them. Each test
// prints the frames that were sent from the first to the last that arrived, and how many of these did.

#include "bridge/hosts/frame_flow.hpp"
#include "bridge/hosts/net_host.hpp"
#include "bridge/hosts/network.hpp"
#include "bridge/udp_relay.hpp"
#include "support/eventually.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <random>
#include <sstream>
#include <string>

namespace tensorpool::test {
namespace {

constexpr std::uint64_t kEnough = 250;  ///< frames that must arrive before and after a fault
constexpr std::chrono::seconds kPatience{60};
constexpr std::uint32_t kSource = 1000;
constexpr std::uint32_t kDest = 2000;

std::string to_host(const std::string& address, int port, const std::string& more = "") {
    return fmt::format("aeron:udp?endpoint={}:{}|term-length=16m{}", address, port, more);
}

class BridgeHostsTest : public testing::Test {
protected:
    void SetUp() override {
        const std::string reason = Network::why_not();
        if (!reason.empty()) GTEST_SKIP() << reason;
        network.emplace();
    }
    void TearDown() override {
        if (HasFailure()) {
            for (NetHost* host : {a.get(), b.get(), c.get()}) {
                if (host != nullptr) std::printf("%s", host->log().c_str());
            }
        }
        flow.reset();
        arrivals.reset();
    }

    void make_a_and_b(MessagingKind messaging = MessagingKind::Embedded) {
        a = std::make_unique<NetHost>(*network, 1, std::vector{kSource}, messaging);
        b = std::make_unique<NetHost>(*network, 2, std::vector{kDest}, messaging);
    }
    /// A's stream becomes B's; `channel` is B's side, A sends to `sender_channel` where that is another.
    void carry(const std::string& channel, const std::string& sender_channel = "") {
        b->start_bridge({{kSource, kDest, "receiver", channel}});
        a->start_bridge({{kSource, kDest, "sender", sender_channel.empty() ? channel : sender_channel}});
    }
    void carry_with(const std::string& parameters) { carry(to_host(b->port().address(), 40456, parameters)); }
    void watch() {
        flow.emplace(*a, kSource);
        arrivals.emplace(*b, kDest);
    }
    void start(const std::string& parameters = "") {
        make_a_and_b();
        carry_with(parameters);
        watch();
        ASSERT_TRUE(goes_on());
    }

    /// Frames keep arriving, newer than all that had been made before this call.
    [[nodiscard]] bool goes_on() const { return goes_on(*arrivals, *flow); }
    [[nodiscard]] static bool goes_on(const FrameArrivals& at, const FrameFlow& from) {
        const std::uint64_t made = from.published();
        const std::uint64_t before = at.seen().whole.load();
        return eventually(
            [&] { return at.seen().last.load() > made && at.seen().whole.load() >= before + kEnough; },
            kPatience);
    }
    static void report(const char* what, const FrameArrivals& at) {
        const ArrivalBoard& seen = at.seen();
        std::printf(
            "%-18s sent %6llu delivered %6llu lost %5llu (%.2f %%) torn %llu, %llu epochs\n", what,
            static_cast<unsigned long long>(seen.sent()), static_cast<unsigned long long>(seen.whole.load()),
            static_cast<unsigned long long>(seen.lost()),
            100.0 * static_cast<double>(seen.lost()) / static_cast<double>(std::max(seen.sent(), 1UL)),
            static_cast<unsigned long long>(seen.torn.load()),
            static_cast<unsigned long long>(seen.epochs.load()));
        EXPECT_EQ(seen.torn.load(), 0U) << what;
        EXPECT_EQ(seen.backwards.load(), 0U) << what;
    }
    [[nodiscard]] std::uint64_t epochs() const { return arrivals->seen().epochs.load(); }
    /// Ends everything and prints what was counted.
    void finish() {
        flow.reset();
        report("A to B", *arrivals);
        stop_hosts();
    }
    void stop_hosts() {
        for (NetHost* host : {a.get(), b.get(), c.get()}) {
            if (host == nullptr) continue;
            EXPECT_TRUE(host->stop()) << host->log();
            std::printf("%s", host->counters().c_str());
        }
    }

    std::optional<Network> network;
    std::unique_ptr<NetHost> a;
    std::unique_ptr<NetHost> b;
    std::unique_ptr<NetHost> c;
    std::optional<FrameFlow> flow;
    std::optional<FrameArrivals> arrivals;
};

// ---- who to whom ------------------------------------------------------------------------------------------

// spec: BRG-001 BRG-002 BRG-003 BRG-012
TEST_F(BridgeHostsTest, CarriesAStreamFromOneHostToAnother) {
    start();
    EXPECT_TRUE(goes_on());
    finish();
}

// One media driver for both: the host's own descriptors and the bridge's way across.
TEST_F(BridgeHostsTest, CarriesAStreamBetweenHostsWhoseOwnStreamsAreOnAeronToo) {
    make_a_and_b(MessagingKind::Aeron);
    carry_with("");
    watch();
    ASSERT_TRUE(goes_on());
    b->kill_bridge();
    b->start_bridge();
    EXPECT_TRUE(goes_on());
    finish();
}

// spec: BRG-010 BRG-011
TEST_F(BridgeHostsTest, ServesTwoHostsByMulticast) {
    make_a_and_b();
    c = std::make_unique<NetHost>(*network, 3, std::vector{kDest});
    // The sender waits for the slower of the two; by itself Aeron follows the faster one.
    const std::string group = fmt::format(
        "aeron:udp?endpoint=239.77.1.1:40456|interface={}|term-length=16m|fc=min", Network::kRange);
    carry(group);
    c->start_bridge({{kSource, kDest, "receiver", group}});
    watch();
    const FrameArrivals at_c(*c, kDest);
    EXPECT_TRUE(goes_on());
    EXPECT_TRUE(goes_on(at_c, *flow));
    flow.reset();
    report("A to B, multicast", *arrivals);
    report("A to C, multicast", at_c);
    stop_hosts();
}

// spec: BRG-005 BRG-006
TEST_F(BridgeHostsTest, CarriesAStreamOnFromTheSecondHostToAThird) {
    constexpr std::uint32_t kLast = 3000;
    make_a_and_b();
    c = std::make_unique<NetHost>(*network, 3, std::vector{kLast});
    const std::string to_b = to_host(b->port().address(), 40456);
    const std::string to_c = to_host(c->port().address(), 40456);
    a->start_bridge({{kSource, kDest, "sender", to_b}});
    b->start_bridge({{kSource, kDest, "receiver", to_b}, {kDest, kLast, "sender", to_c, 3100}});
    c->start_bridge({{kDest, kLast, "receiver", to_c, 3100}});
    watch();
    const FrameArrivals at_c(*c, kLast);
    EXPECT_TRUE(goes_on(at_c, *flow));
    flow.reset();
    report("A to B", *arrivals);
    report("A to B to C", at_c);
    stop_hosts();
}

// spec: BRG-005 BRG-007
TEST_F(BridgeHostsTest, CarriesStreamsBothWaysAtOnce) {
    constexpr std::uint32_t kBack = 1500;
    constexpr std::uint32_t kBackDest = 2500;
    a = std::make_unique<NetHost>(*network, 1, std::vector{kSource, kBackDest});
    b = std::make_unique<NetHost>(*network, 2, std::vector{kDest, kBack});
    const std::string to_a = to_host(a->port().address(), 40456);
    const std::string to_b = to_host(b->port().address(), 40456);
    a->start_bridge({{kSource, kDest, "sender", to_b}, {kBack, kBackDest, "receiver", to_a, 3100}});
    b->start_bridge({{kSource, kDest, "receiver", to_b}, {kBack, kBackDest, "sender", to_a, 3100}});
    watch();
    std::optional<FrameFlow> back(std::in_place, *b, kBack);
    const FrameArrivals at_a(*a, kBackDest);
    EXPECT_TRUE(goes_on());
    EXPECT_TRUE(goes_on(at_a, *back));
    flow.reset();
    back.reset();
    report("A to B", *arrivals);
    report("B to A", at_a);
    stop_hosts();
}

// spec: RATE-055 RATE-056
TEST_F(BridgeHostsTest, CarriesWhatARateLimiterThinnedToAnotherHost) {
    constexpr std::uint32_t kThinned = 1500;
    a = std::make_unique<NetHost>(*network, 1, std::vector{kSource, kThinned});
    b = std::make_unique<NetHost>(*network, 2, std::vector{kDest});
    const auto limiter = a->start_limiter(kSource, kThinned, 50);
    const std::string channel = to_host(b->port().address(), 40456);
    b->start_bridge({{kThinned, kDest, "receiver", channel}});
    a->start_bridge({{kThinned, kDest, "sender", channel}});
    watch();
    // Of 250 frames a second every fifth is left.
    EXPECT_TRUE(eventually([&] { return arrivals->seen().whole.load() >= kEnough / 5; }, kPatience));
    flow.reset();
    report("A limited to B", *arrivals);
    EXPECT_LT(arrivals->seen().whole.load(), arrivals->seen().sent());
    limiter->signal(SIGTERM);
    EXPECT_EQ(limiter->wait(), 0) << limiter->err();
    stop_hosts();
}

// spec: RATE-055 RATE-056
TEST_F(BridgeHostsTest, ThinsWhatCameFromAnotherHost) {
    constexpr std::uint32_t kThinned = 2500;
    a = std::make_unique<NetHost>(*network, 1, std::vector{kSource});
    b = std::make_unique<NetHost>(*network, 2, std::vector{kDest, kThinned});
    const auto limiter = b->start_limiter(kDest, kThinned, 0);
    carry_with("");
    flow.emplace(*a, kSource);
    const FrameArrivals all(*b, kDest);
    arrivals.emplace(*b, kThinned, 50);  // this reader's own wish
    EXPECT_TRUE(eventually([&] { return arrivals->seen().whole.load() >= kEnough / 5; }, kPatience));
    flow.reset();
    report("A to B", all);
    report("limited at B", *arrivals);
    EXPECT_LT(arrivals->seen().whole.load(), arrivals->seen().sent());
    limiter->signal(SIGTERM);
    EXPECT_EQ(limiter->wait(), 0) << limiter->err();
    stop_hosts();
}

// ---- a network that loses ---------------------------------------------------------------------------------

// spec: BRG-050 BRG-052
class BridgeLossTest : public BridgeHostsTest {
protected:
    /// A fault of `per_mille` datagrams in both directions, from a path that works on.
    void lose(int per_mille, const std::string& parameters) {
        ASSERT_NO_FATAL_FAILURE(start(parameters));
        a->port().lose(per_mille);
        b->port().lose(per_mille);
        while (b->port().lost() < 20) ASSERT_TRUE(goes_on());
        EXPECT_TRUE(goes_on());
        std::printf("%llu datagrams of the payload were lost\n",
                    static_cast<unsigned long long>(b->port().lost()));
        finish();
    }
};

TEST_F(BridgeLossTest, GoesOnWhereOneDatagramInAThousandIsLost) {
    lose(1, "");
}

TEST_F(BridgeLossTest, GoesOnWhereOneDatagramInAHundredIsLost) {
    lose(10, "");
}

TEST_F(BridgeLossTest, LosesWholeFramesWhereNothingIsSentAgain) {
    lose(1, "|reliable=false");
    EXPECT_GT(arrivals->seen().lost(), 0U);
}

// spec: BRG-042 BRG-043 BRG-044 BRG-045
TEST_F(BridgeHostsTest, GoesOnWhereDatagramsAreLateRepeatedAndOutOfOrder) {
    const std::uint64_t seed = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    constexpr std::uint16_t kPort = 40456;
    make_a_and_b();
    const UdpRelay relay(Network::kHub, udp_address(b->port().address().c_str(), kPort),
                         {.drop = 1, .duplicate = 20, .delay = 20}, seed);
    carry(to_host(b->port().address(), kPort), to_host(Network::kHub, relay.port()));
    watch();
    EXPECT_TRUE(goes_on());
    EXPECT_TRUE(eventually([&] { return relay.delayed() > 20 && relay.duplicated() > 20; }));
    EXPECT_TRUE(goes_on());
    std::printf("%llu datagrams, %llu lost, %llu late, %llu repeated\n",
                static_cast<unsigned long long>(relay.received()),
                static_cast<unsigned long long>(relay.dropped()),
                static_cast<unsigned long long>(relay.delayed()),
                static_cast<unsigned long long>(relay.duplicated()));
    finish();
}

TEST_F(BridgeHostsTest, GoesOnWhenACutLinkIsRestored) {
    ASSERT_NO_FATAL_FAILURE(start());
    const auto cut = std::chrono::steady_clock::now();
    b->port().cut();
    // The fault itself takes this long; nothing waits for it.
    ASSERT_TRUE(
        eventually([&] { return std::chrono::steady_clock::now() - cut >= std::chrono::seconds(5); }));
    b->port().restore();
    EXPECT_TRUE(goes_on());
    finish();
}

// ---- a consumer without shared memory ---------------------------------------------------------------------

// spec: WIRE-089 WIRE-090 WIRE-141
TEST_F(BridgeHostsTest, AConsumerThatMayNotReadSharedMemoryGetsTheSameFramesOverUdp) {
    make_a_and_b();
    const std::string channel = to_host(a->port().address(), 40456);
    a->start_bridge({{kSource, kDest, "sender", channel}});
    const std::string uri = fmt::format("{}|stream-id=3000|tensor-stream-id={}", channel, kDest);
    const auto producer = a->tp({"produce", "--stream-id", "1000", "--shape", "300,300", "--pattern", "seq",
                                 "--rate", "200", "--allow", a->shm_dir()});
    // Told by somebody on its own host.
    const auto told = a->tp({"consume", "--stream-id", "1000", "--consumer-id", "42", "--allow", a->shm_dir(),
                             "--verify", "--json", "--interval-s", "0.1"});
    const auto says = [](Program& program, const std::string& text) {
        return eventually([&] { return program.out().find(text) != std::string::npos; }, kPatience);
    };
    ASSERT_TRUE(says(*told, "\"origin\":\"shared_memory\"")) << told->err() << producer->err();
    const auto tell = a->tp({"send-consumer-config", "--stream-id", "1000", "--consumer-id", "42",
                             "--use-shm", "false", "--payload-fallback-uri", uri});
    ASSERT_EQ(tell->wait(), 0) << tell->err();
    EXPECT_TRUE(says(*told, "\"origin\":\"chunks\"")) << told->out() << told->err();
    // And one that cannot map anything, wherever it looks.
    const auto blind = a->tp({"consume", "--stream-id", "1000", "--allow", a->context_options().messaging_dir,
                              "--fallback", uri, "--verify", "--frames", "200", "--json"});
    EXPECT_EQ(blind->wait(), 0) << blind->err();
    EXPECT_NE(blind->out().find("\"frames\":200"), std::string::npos) << blind->out();
    told->signal(SIGTERM);
    EXPECT_EQ(told->wait(), 0) << "no bad frame: " << told->err();
    std::istringstream lines(told->out());
    std::string last;
    for (std::string line; std::getline(lines, line);) last = line;
    std::printf("told: %s\nblind: %s", last.c_str(), blind->out().c_str());
    producer->signal(SIGTERM);
    EXPECT_EQ(producer->wait(), 0) << producer->err();
    stop_hosts();
}

// ---- an end that dies -------------------------------------------------------------------------------------

// spec: BRG-109 BRG-110
TEST_F(BridgeHostsTest, GoesOnWhenTheReceiverWasKilledAndStartedAgain) {
    ASSERT_NO_FATAL_FAILURE(start());
    const std::uint64_t before = epochs();
    b->kill_bridge();
    b->start_bridge();
    EXPECT_TRUE(goes_on());
    EXPECT_GT(epochs(), before);
    finish();
}

TEST_F(BridgeHostsTest, GoesOnWhenTheSenderWasKilledAndStartedAgain) {
    ASSERT_NO_FATAL_FAILURE(start());
    a->kill_bridge();
    a->start_bridge();
    EXPECT_TRUE(goes_on());
    finish();
}

// spec: BRG-106 BRG-107 BRG-108 BRG-109
TEST_F(BridgeHostsTest, BeginsANewEpochWhenTheProducerWasKilledAndStartedAgain) {
    ASSERT_NO_FATAL_FAILURE(start());
    const std::uint64_t before = epochs();
    flow->kill();
    flow->start();
    EXPECT_TRUE(goes_on());
    EXPECT_GT(epochs(), before);
    finish();
}

// spec: BRG-106
TEST_F(BridgeHostsTest, BeginsANewEpochWhenTheSourceDriverWasKilledAndStartedAgain) {
    ASSERT_NO_FATAL_FAILURE(start());
    const std::uint64_t before = epochs();
    a->kill_driver();
    a->start_driver();
    EXPECT_TRUE(goes_on());
    EXPECT_GT(epochs(), before);
    finish();
}

}  // namespace
}  // namespace tensorpool::test
