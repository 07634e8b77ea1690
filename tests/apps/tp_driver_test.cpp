// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp driver, its configuration commands, and the lease protocol by hand.

#include "apps/tp_fixture.hpp"

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
}

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

TEST_F(TpDriverTest, HoldsALeaseAndGivesItBack) {
    const auto driver = start_driver();
    EXPECT_EQ(attach({"--hold-s", "0.05"}), 0);
    EXPECT_EQ(attach(), 0) << "the lease was not given back: " << out;
}

TEST_F(TpDriverTest, TimesOutWithoutADriver) {
    EXPECT_EQ(attach({"--timeout-ms", "50"}), 4);
    EXPECT_THAT(err, AllOf(HasSubstr("tp driver-attach"), HasSubstr("50 ms")));
}

TEST_F(TpDriverTest, EveryCommandHelpsWithAnExample) {
    for (const char* command :
         {"driver", "driver-attach", "driver-keepalive", "driver-detach", "driver-config-validate",
          "driver-config-dump", "ls", "consume", "produce", "listen", "inspect"}) {
        EXPECT_EQ(run({command, "--help"}), 0) << command;
        EXPECT_THAT(out, HasSubstr("Example: ")) << command;
    }
    EXPECT_EQ(run({"--version"}), 0);
    EXPECT_THAT(out, MatchesRegex("tp [0-9.]+\n"));
}

}  // namespace
}  // namespace tensorpool::test
