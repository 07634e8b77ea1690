// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp driver, its configuration commands, and the lease protocol by hand.

#include "apps/tp_fixture.hpp"

#include <array>
#include <cstdint>

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

class TpDriverTest : public TpTest {
protected:
    std::vector<std::string> lease_words(const std::string& command,
                                         const std::string& role = "producer") const {
        return {command, "--client-id", "7", "--role", role, "--stream-id", "10000"};
    }
    int attach(std::vector<std::string> more = {}) {
        std::vector<std::string> words = lease_words("driver-attach");
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    }
};

// spec: TOOL-041
TEST_F(TpDriverTest, EndsInGoodOrderOnSigintAndSigterm) {
    for (const int signal : {SIGINT, SIGTERM}) {
        const auto driver = start_driver();
        EXPECT_EQ(attach(), 0) << err;
        EXPECT_GT(files_left(), 0);
        driver->signal(signal);
        EXPECT_EQ(driver->wait(), 0);
        EXPECT_EQ(files_left(), 0);
    }
}

// spec: TOOL-028 TOOL-029 TOOL-041
TEST_F(TpDriverTest, RefusesABadConfigurationWithPlaceValueRuleAndRemedy) {
    const std::string file =
        write_config("[profiles.bad]\npayload_pools = [{ pool_id = 1, stride_bytes = 655360 }]\n");
    for (const char* command : {"driver", "driver-config-validate", "driver-config-dump"}) {
        EXPECT_EQ(run({command, file}), 1) << command;
        EXPECT_THAT(err, AllOf(HasSubstr(file + ":"), HasSubstr("profiles.bad.payload_pools"),
                               HasSubstr("655360"), HasSubstr("1048576")))
            << command;
        EXPECT_THAT(out, IsEmpty());
    }
    EXPECT_EQ(files_left(), 0);
}

TEST_F(TpDriverTest, SaysBothSizesWhenTheFilesDoNotFit) {
    const std::string file = write_config(
        "[profiles.huge]\nheader_nslots = 1048576\npayload_pools = [{ pool_id = 1, stride_bytes = 1073741824 "
        "}]\n"
        "[streams.huge]\nstream_id = 10001\nprofile = \"huge\"\n");
    EXPECT_EQ(run({"driver", file}), 1);
    EXPECT_THAT(err, AllOf(HasSubstr("need "), HasSubstr("bytes free")));
}

// spec: TOOL-041
TEST_F(TpDriverTest, IsUsedWrongly) {
    EXPECT_EQ(run({"driver"}), 2);
    EXPECT_EQ(run({"driver", "a", "b"}), 2);
    EXPECT_EQ(run({}), 2);
    EXPECT_EQ(run({"no-such-command"}), 2);
    EXPECT_EQ(run({"driver-attach", "--client-id", "7", "--role", "camera", "--stream-id", "1"}), 2);
    EXPECT_THAT(err, HasSubstr("camera"));
    EXPECT_EQ(run({"driver-attach", "--client-id", "7", "--role", "producer"}), 2);
    EXPECT_EQ(run({"driver", "/no/such/file.toml"}), 1);
    EXPECT_THAT(err, HasSubstr("/no/such/file.toml"));
}

// spec: TOOL-028 TOOL-029
TEST_F(TpDriverTest, ValidatesAndDumpsAConfigurationWithItsOverrides) {
    const std::string file = write_config();
    EXPECT_EQ(run({"driver-config-validate", "--config", file}), 0);
    EXPECT_EQ(out, "ok\n");
    EXPECT_EQ(run({"driver-config-dump", "--config", file}, {"DRIVER_CONTROL_STREAM_ID=1010"}), 0);
    EXPECT_EQ(value_of(out, "control_stream_id"), "1010");
    EXPECT_EQ(value_of(out, "announce_stream_id"), "1010");
    EXPECT_EQ(value_of(out, "streams"), "1");
    EXPECT_EQ(run({"driver-config-validate", "--config", file}, {"DRIVER_CONTROL_STREAM_ID=ten"}), 1);
    EXPECT_THAT(err, AllOf(HasSubstr("DRIVER_CONTROL_STREAM_ID"), HasSubstr("ten")));
    EXPECT_EQ(run({"driver-config-validate", file, "--json"}), 0);
    EXPECT_EQ(out, "{\"valid\":true}\n");
}

// spec: TOOL-029
TEST_F(TpDriverTest, DumpsEveryValueInOrderAsTextAndAsJson) {
    const std::string file = write_config("[driver]\nstream_id_range = \"20000-29999\"\n");
    ASSERT_EQ(run({"driver-config-dump", file}, {"TP_MESSAGING=embedded", "AERON_DIR="}), 0) << err;
    EXPECT_EQ(out,
              "instance_id=driver-01\naeron_dir=\ncontrol_channel=aeron:ipc?term-length=4m\n"
              "control_stream_id=1000\nannounce_channel=aeron:ipc?term-length=4m\nannounce_stream_id=1000\n"
              "qos_channel=aeron:ipc?term-length=4m\nqos_stream_id=1200\nprefault_shm=true\n"
              "default_profile=small\nallow_dynamic_streams=false\nannounce_period_ms=1000\n"
              "lease_keepalive_interval_ms=1000\nlease_expiry_grace_intervals=3\n"
              "stream_id_range=20000-29999\nprofiles=1\n"
              "profile=small header_nslots=16 header_slot_bytes=256 max_dims=8\n"
              "pool_id=1 stride_bytes=65536\nstreams=1\nstream=cam1 stream_id=10000 profile=small\n");
    ASSERT_EQ(run({"driver-config-dump", file, "--json"}, {"TP_MESSAGING=embedded", "AERON_DIR="}), 0) << err;
    const auto dump = nlohmann::ordered_json::parse(out);
    EXPECT_EQ(dump.begin().key(), "instance_id");
    EXPECT_EQ(dump.at("stream_id_range"), nlohmann::ordered_json::parse("[[20000,29999]]"));
    EXPECT_EQ(dump.at("profiles").at(0).at("payload_pools").at(0).at("stride_bytes"), 65536);
    EXPECT_EQ(dump.at("streams").at(0).at("stream"), "cam1");
    EXPECT_EQ(dump.at("lease_expiry_grace_intervals"), 3);
}

// spec: TOOL-019 TOOL-020 TOOL-021 TOOL-022
TEST_F(TpDriverTest, AttachesKeepsAliveAndDetaches) {
    const auto driver = start_driver();
    ASSERT_EQ(attach(), 0) << err;
    EXPECT_EQ(value_of(out, "code"), "OK");
    EXPECT_EQ(value_of(out, "stream_id"), "10000");
    EXPECT_EQ(value_of(out, "header_nslots"), "16");
    EXPECT_EQ(value_of(out, "header_slot_bytes"), "256");
    EXPECT_EQ(value_of(out, "max_dims"), "8");
    EXPECT_EQ(value_of(out, "payload_pools"), "1");
    EXPECT_THAT(out, HasSubstr("pool_id=1 stride_bytes=65536 pool_nslots=16 uri=shm:file?path="));
    const std::string lease = value_of(out, "lease_id");

    std::vector<std::string> words = lease_words("driver-keepalive");
    words.insert(words.end(), {"--lease-id", lease});
    EXPECT_EQ(run(words), 0);
    EXPECT_EQ(out, "true\n");
    words[0] = "driver-detach";
    EXPECT_EQ(run(words), 0);
    EXPECT_EQ(value_of(out, "code"), "OK");
    EXPECT_EQ(run(words), 3);  // no such lease any more
    EXPECT_EQ(value_of(out, "code"), "REJECTED");
}

// spec: TOOL-022
TEST_F(TpDriverTest, ReturnsALeaseOnlyToTheWholeTupleThatItWasGrantedTo) {
    const auto driver = start_driver();
    ASSERT_EQ(attach(), 0) << err;
    const std::string lease = value_of(out, "lease_id");
    const std::string correlation = value_of(out, "correlation_id");
    for (const auto& [client, role, stream] : std::vector<std::array<std::string, 3>>{
             {"8", "producer", "10000"}, {"7", "consumer", "10000"}, {"7", "producer", "10001"}}) {
        EXPECT_EQ(run({"driver-detach", "--client-id", client, "--role", role, "--stream-id", stream,
                       "--lease-id", lease}),
                  3)
            << client << role << stream;
        EXPECT_EQ(value_of(out, "code"), "REJECTED");
        EXPECT_NE(value_of(out, "correlation_id"), correlation);
    }
    EXPECT_EQ(run({"driver-detach"},
                  {"TP_CLIENT_ID=7", "TP_ROLE=producer", "TP_STREAM_ID=10000", "TP_LEASE_ID=" + lease}),
              0)
        << out;
}

// spec: TOOL-022
TEST_F(TpDriverTest, ChoosesAClientIdWhenToldZero) {
    const auto driver = start_driver();
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(run({"driver-attach", "--client-id", "0", "--role", "consumer", "--stream-id", "10000"}), 0)
            << err;
        EXPECT_EQ(value_of(out, "code"), "OK");
    }
}

// spec: TOOL-019
TEST_F(TpDriverTest, PassesEveryPolicyOfAnAttachToTheDriver) {
    const auto driver = start_driver();
    EXPECT_EQ(attach({"--expected-layout-version", "7"}), 3);
    EXPECT_THAT(value_of(out, "error_message"), HasSubstr("layout"));
    for (const char* wants : {"hugepages", "true"}) {
        EXPECT_EQ(attach({"--hugepages", wants}), 3) << wants;
        EXPECT_EQ(value_of(out, "code"), "REJECTED") << wants;
    }
    EXPECT_EQ(run({"driver-attach", "--client-id", "7", "--role", "producer", "--stream-id", "555"}), 3);
    EXPECT_EQ(attach({"--hugepages", "maybe"}), 2);
    EXPECT_EQ(attach({"--publish-mode", "allow_create"}), 2);  // TX-02
    ASSERT_EQ(attach({"--publish-mode", "existing_or_create", "--hugepages", "unset",
                      "--expected-layout-version", "1", "--desired-node-id", "5"}),
              0)
        << out;
    EXPECT_EQ(value_of(out, "node_id"), "5");
    std::vector<std::string> keys;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) keys.push_back(line.substr(0, line.find('=')));
    EXPECT_THAT(keys, testing::ElementsAre("correlation_id", "code", "stream_id", "epoch", "layout_version",
                                           "header_nslots", "header_slot_bytes", "max_dims",
                                           "header_region_uri", "lease_id", "lease_expiry_ns", "node_id",
                                           "payload_pools", "pool_id", "error_message"));
}

// spec: TOOL-025 TOOL-026 TOOL-027
TEST_F(TpDriverTest, SaysThatADriversTablesAreKnownInItsOwnProcessOnly) {
    for (const char* command : {"driver-status", "driver-list-leases", "driver-list-streams"}) {
        EXPECT_EQ(run({command, "--instance-id", "driver-01"}), 1) << command;
        EXPECT_THAT(err, HasSubstr("not available outside the driver process")) << command;
        EXPECT_THAT(out, IsEmpty());
    }
}

// spec: SUP-001 SUP-010 OT-12
TEST_F(TpDriverTest, SupervisesItselfWhenItsConfigurationHasASupervisorTable) {
    const std::string file =
        write_config("[driver]\ncontrol_stream_id = 1010\n[supervisor]\nforce_mode = 2\n");
    const auto listener =
        tp({"control-listen", "--duration-s", "0", "--json", "--names", "--control-stream-id", "1010"});
    const auto driver = tp({"driver", file});
    const auto consumer = tp({"consume", "--stream-id", "10000", "--allow", shm_dir(), "--control-stream-id",
                              "1010", "--announce-stream-id", "1010", "--consumer-id", "78"});
    EXPECT_TRUE(eventually([&] {
        return listener->out().find(R"("type":"ConsumerConfig")") != std::string::npos;
    })) << listener->out()
        << driver->err();
    EXPECT_THAT(listener->out(), HasSubstr(R"("consumer":78,"use_shm":true,"mode":"RATE_LIMITED")"));
    // One more only watches: it would be a second issuer.
    const auto watcher = tp({"supervisor", file, "--json", "--interval-s", "0.1"});
    EXPECT_TRUE(eventually([&] { return watcher->out().find(R"("consumer_id":78)") != std::string::npos; }))
        << watcher->err();
    EXPECT_THAT(watcher->err(), HasSubstr("watching only"));
    watcher->signal(SIGINT);
    EXPECT_EQ(watcher->wait(), 0);
    EXPECT_EQ(json_lines(watcher->out()).back().at("configs_published"), 0);
    driver->signal(SIGINT);
    EXPECT_EQ(driver->wait(), 0);
}

// spec: TOOL-004 TOOL-019
TEST_F(TpDriverTest, PrintsARefusalAsJsonAndExitsWithThree) {
    const auto driver = start_driver();
    ASSERT_EQ(attach(), 0) << err;
    EXPECT_EQ(
        run({"driver-attach", "--client-id", "8", "--role", "producer", "--stream-id", "10000", "--json"}),
        3);
    const auto answer = json_lines(out).at(0);
    EXPECT_EQ(answer.at("code"), "REJECTED");
    EXPECT_TRUE(answer.at("lease_id").is_null());
    EXPECT_FALSE(answer.at("error_message").get<std::string>().empty());
}

// spec: TOOL-023
TEST_F(TpDriverTest, HoldsALeaseAndGivesItBack) {
    const auto driver = start_driver();
    EXPECT_EQ(attach({"--hold-s", "0.05"}), 0);
    EXPECT_EQ(attach(), 0) << "the lease was not given back: " << out;
}

// spec: TOOL-023
TEST_F(TpDriverTest, ALeaseThatIsNotHeldExpiresAndTheNextOneHasAHigherEpoch) {
    const auto driver = start_driver({"TP_LOG=1"});
    ASSERT_EQ(attach(), 0) << err;
    const std::uint64_t first = std::stoull(value_of(out, "epoch"));
    EXPECT_TRUE(eventually([&] { return driver->err().find("ended: EXPIRED") != std::string::npos; }));
    EXPECT_EQ(run({"driver-attach", "--client-id", "8", "--role", "producer", "--stream-id", "10000"}), 0)
        << out;
    EXPECT_GT(std::stoull(value_of(out, "epoch")), first);
}

// spec: TOOL-019
TEST_F(TpDriverTest, TimesOutWithoutADriver) {
    EXPECT_EQ(attach({"--timeout-ms", "50"}), 4);
    EXPECT_THAT(err, AllOf(HasSubstr("tp driver-attach"), HasSubstr("50 ms")));
}

TEST_F(TpDriverTest, EveryCommandHelpsWithAnExample) {
    for (const char* command : {"driver",
                                "driver-attach",
                                "driver-keepalive",
                                "driver-detach",
                                "driver-config-validate",
                                "driver-config-dump",
                                "ls",
                                "consume",
                                "produce",
                                "listen",
                                "inspect",
                                "supervisor",
                                "completion",
                                "announce-listen",
                                "control-listen",
                                "descriptor-listen",
                                "metadata-listen",
                                "metadata-dump",
                                "qos-listen",
                                "send-consumer-config",
                                "shm-create",
                                "read-superblock",
                                "shm-summary",
                                "read-header",
                                "shm-validate",
                                "validate-uri"}) {
        EXPECT_EQ(run({command, "--help"}), 0) << command;
        EXPECT_THAT(out, HasSubstr("Example: ")) << command;
    }
    EXPECT_EQ(run({"--version"}), 0);
    EXPECT_THAT(out, MatchesRegex("tp [0-9.]+\n"));
}

}  // namespace
}  // namespace tensorpool::test
