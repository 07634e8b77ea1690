// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What every command of tp has in common: usage, environment, numbers, exit codes; completion and man pages.

#include "apps/tp_fixture.hpp"

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;

class TpCommandLineTest : public TpTest {
protected:
    /// A header ring of stream 77, epoch 2, with 8 slots.
    std::string make_ring() {
        EXPECT_EQ(run({"shm-create", "--shm-base-dir", shm_dir(), "--region", "header", "--stream-id", "77",
                       "--epoch", "2", "--nslots", "8"}),
                  0)
            << err;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(shm_dir())) {
            if (entry.path().filename() == "header.ring") return "shm:file?path=" + entry.path().string();
        }
        return "";
    }
    [[nodiscard]] static std::vector<std::string> words_of(const std::string& text) {
        std::istringstream in(text);
        std::vector<std::string> words;
        for (std::string word; in >> word;) words.push_back(word);
        return words;
    }
    /// What bash offers for the last of `words` after `source <(tp completion bash)`.
    std::vector<std::string> complete(const std::vector<std::string>& words) {
        std::string script = ". '" + path("completion") + "'; COMP_WORDS=(";
        for (const std::string& word : words) script += "'" + word + "' ";
        script += "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tp; printf '%s\n' \"${COMPREPLY[@]}\"";
        Program bash({"/bin/bash", "-c", script});
        EXPECT_EQ(bash.wait(), 0) << bash.err();
        EXPECT_THAT(bash.err(), IsEmpty());
        return words_of(bash.out());
    }
    void write_completion() {
        ASSERT_EQ(run({"completion", "bash"}), 0) << err;
        std::ofstream(path("completion")) << out;
    }
};

// spec: TOOL-001
TEST_F(TpCommandLineTest, HelpsOnStdoutAndComplainsWithItsUsageOnStderr) {
    for (const char* help : {"--help", "-h"}) {
        EXPECT_EQ(run({help}), 0);
        EXPECT_THAT(out, AllOf(HasSubstr("Usage: tp"), HasSubstr("driver-attach"), HasSubstr("supervisor")));
        EXPECT_THAT(err, IsEmpty());
        EXPECT_EQ(run({"read-header", help}), 0);
        EXPECT_THAT(out, HasSubstr("--index"));
    }
    const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
        {{}, "Usage: tp"},
        {{"no-such-command"}, "is no command; tp --help shows what is valid\nusage: tp COMMAND"},
        {{"ls", "--no-such-option"}, "usage: tp ls [OPTION...]"},
        {{"driver-attach", "--role", "producer", "--stream-id", "1"},
         "usage: tp driver-attach --client-id UINT --role TEXT --stream-id UINT [OPTION...]"},
        {{"inspect", "read-superblock"}, "usage: tp inspect read-superblock --uri TEXT [OPTION...]"},
        {{"read-superblock"}, "usage: tp read-superblock --uri TEXT [OPTION...]"},
        {{"driver"}, "usage: tp driver FILE [OPTION...]"},
        {{"driver", "one.toml", "two.toml"}, "usage: tp driver FILE [OPTION...]"}};
    for (const auto& [words, usage] : wrong) {
        EXPECT_EQ(run(words), 2);
        EXPECT_THAT(out, IsEmpty());
        EXPECT_THAT(err, HasSubstr(usage));
    }
}

// spec: TOOL-002
TEST_F(TpCommandLineTest, ReadsWhatIsLeftOutFromTheEnvironmentUnlessThatIsEmpty) {
    const std::string uri = make_ring();
    EXPECT_EQ(run({"read-superblock", "--allow", shm_dir()}, {"TP_SHM_URI=" + uri}), 0) << err;
    EXPECT_EQ(value_of(out, "stream_id"), "77");
    EXPECT_EQ(run({"read-superblock", "--allow", shm_dir(), "--uri", uri}, {"TP_SHM_URI=nonsense"}), 0)
        << err;
    EXPECT_EQ(run({"read-superblock", "--allow", shm_dir()}, {"TP_SHM_URI="}), 2);
    EXPECT_THAT(err, HasSubstr("--uri is required"));
    EXPECT_EQ(run({"metadata-dump", "--timeout-ms", "1"}, {"TP_STREAM_ID=5", "TP_METADATA_STREAM_ID=0"}), 2);
    EXPECT_THAT(err, HasSubstr("--metadata-stream-id"));
    EXPECT_EQ(run({"metadata-dump", "--timeout-ms", "1"}, {"TP_STREAM_ID=5", "TP_METADATA_STREAM_ID=1300"}),
              4);
    EXPECT_EQ(run({"announce-listen", "--duration-s", "0.01"}, {"TP_STREAM_ID=0"}), 2);
    EXPECT_THAT(err, HasSubstr("--announce-stream-id"));
    EXPECT_EQ(run({"qos-listen", "--duration-s", "0.01"}, {"TP_QOS_CHANNEL=nonsense"}), 1);
    EXPECT_THAT(err, HasSubstr("nonsense"));
    EXPECT_EQ(run({"driver-attach", "--timeout-ms", "1"},
                  {"TP_CLIENT_ID=7", "TP_ROLE=consumer", "TP_STREAM_ID=5", "TP_CONTROL_CHANNEL=nonsense"}),
              1);
    EXPECT_THAT(err, HasSubstr("nonsense"));
}

// spec: TOOL-012
TEST_F(TpCommandLineTest, IdsAreUnsignedDecimalAndInTheirRange) {
    const auto attach = [&](const std::string& client, const std::string& stream) {
        return run({"driver-attach", "--client-id", client, "--role", "consumer", "--stream-id", stream,
                    "--timeout-ms", "1"});
    };
    EXPECT_EQ(attach("4294967295", "10000"), 4) << err;
    for (const char* wrong : {"4294967296", "-1", "0x10", "1.5", "ten", "+1", " 1", "18446744073709551616"}) {
        EXPECT_EQ(attach(wrong, "10000"), 2) << wrong;
        EXPECT_THAT(err, HasSubstr("--client-id")) << wrong;
        EXPECT_EQ(attach("7", wrong), 2) << wrong;
    }
    const auto keepalive = [&](const std::string& lease) {
        return run({"driver-keepalive", "--client-id", "7", "--role", "consumer", "--stream-id", "1",
                    "--lease-id", lease, "--timeout-ms", "1"});
    };
    EXPECT_EQ(keepalive("18446744073709551615"), 0) << err;
    EXPECT_EQ(keepalive("18446744073709551616"), 2);
    EXPECT_THAT(err, HasSubstr("out of range"));
    EXPECT_EQ(run({"shm-validate", "--uri", "shm:file?path=/x", "--pool-id", "65536"}), 2);
    EXPECT_EQ(run({"shm-validate", "--uri", "shm:file?path=/x", "--epoch", "010x"}), 2);
    EXPECT_EQ(run({"control-listen", "--control-stream-id", "2147483648"}), 2);
    EXPECT_EQ(run({"control-listen", "--control-stream-id", "0"}), 2);
}

// spec: TOOL-003 TOOL-004 TOOL-014
TEST_F(TpCommandLineTest, PrintsTheSameKeysInTheSameOrderAsTextAndAsJson) {
    const std::string uri = make_ring();
    ASSERT_EQ(run({"read-superblock", "--allow", shm_dir(), "--uri", uri}), 0) << err;
    std::vector<std::string> keys;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) keys.push_back(line.substr(0, line.find('=')));
    EXPECT_THAT(keys, ElementsAre("magic", "layout_version", "epoch", "stream_id", "region_type", "pool_id",
                                  "nslots", "slot_bytes", "stride_bytes", "pid", "start_timestamp_ns",
                                  "activity_timestamp_ns"));
    EXPECT_EQ(value_of(out, "magic"), "0x544f504c53484d31");
    EXPECT_EQ(value_of(out, "region_type"), "HEADER_RING");
    ASSERT_EQ(run({"read-superblock", "--allow", shm_dir(), "--uri", uri, "--json"}), 0) << err;
    const auto json = nlohmann::ordered_json::parse(out);
    std::vector<std::string> members;
    for (const auto& [key, value] : json.items()) members.push_back(key);
    EXPECT_EQ(members, keys);
    EXPECT_EQ(json.at("epoch"), 2);
}

// spec: TOOL-005
TEST_F(TpCommandLineTest, SaysWhatKindOfThingWentWrong) {
    EXPECT_EQ(run({"read-superblock", "--allow", shm_dir(), "--uri", "shm:file?path=" + shm_dir() + "/none"}),
              1);
    EXPECT_THAT(err, AllOf(StartsWith("tp read-superblock: SHM error: "), HasSubstr("/none")));
    std::ofstream(shm_dir() + "/short") << "abc";
    EXPECT_EQ(
        run({"read-superblock", "--allow", shm_dir(), "--uri", "shm:file?path=" + shm_dir() + "/short"}), 1);
    EXPECT_THAT(err, HasSubstr("SHM error: "));
    EXPECT_EQ(run({"send-consumer-config", "--stream-id", "1", "--consumer-id", "2", "--timeout-ms", "1"}),
              1);
    EXPECT_THAT(err, AllOf(HasSubstr("Messaging error: "), HasSubstr("not sent")));
}

// spec: TOOL-011
TEST_F(TpCommandLineTest, WaitsForSomebodyToHearAndLeavesNothingOpenWhenNobodyDoes) {
    EXPECT_EQ(run({"send-consumer-config", "--stream-id", "1", "--consumer-id", "2", "--timeout-ms", "20"}),
              1);
    EXPECT_EQ(run({"driver-attach", "--client-id", "7", "--role", "producer", "--stream-id", "1",
                   "--timeout-ms", "20"}),
              4);
    EXPECT_FALSE(std::filesystem::exists(messaging_dir()));
}

// spec: TOOL-006
TEST_F(TpCommandLineTest, LooksAtRegionsWithoutTouchingThem) {
    const std::string uri = make_ring();
    const std::filesystem::path file = uri.substr(uri.find('=') + 1);
    const auto state = [&] {
        std::ifstream in(file, std::ios::binary);
        std::ostringstream bytes;
        bytes << in.rdbuf();
        return std::pair(bytes.str(), std::filesystem::last_write_time(file));
    };
    const auto before = state();
    for (const char* command : {"read-superblock", "shm-summary", "shm-validate", "validate-uri"}) {
        std::vector<std::string> words{command, "--uri", uri};
        if (command != std::string("validate-uri")) words.insert(words.end(), {"--allow", shm_dir()});
        EXPECT_EQ(run(words), 0) << command << err;
    }
    EXPECT_EQ(run({"read-header", "--uri", uri, "--allow", shm_dir(), "--index", "0"}), 3);
    EXPECT_EQ(run({"read-superblock", "--uri", uri + "x", "--allow", shm_dir()}), 1);
    EXPECT_EQ(state(), before);
    EXPECT_FALSE(std::filesystem::exists(file.string() + "x"));
    EXPECT_EQ(files_left(), 1);
}

// spec: TOOL-007
TEST_F(TpCommandLineTest, RefusesRegionsOutsideTheAllowedDirectories) {
    const std::string uri = make_ring();
    const std::string other = path("other");
    std::filesystem::create_directory(other);
    EXPECT_EQ(run({"shm-summary", "--uri", uri, "--allow", other}), 1);
    EXPECT_THAT(err, HasSubstr("SHM error: "));
    EXPECT_EQ(run({"shm-summary", "--uri", uri, "--allow", other, "--allow", shm_dir()}), 0) << err;
    EXPECT_EQ(run({"shm-summary", "--uri", uri}), 0) << "below /dev/shm: " << err;
    const TempDir elsewhere(false);
    std::filesystem::copy(uri.substr(uri.find('=') + 1), elsewhere.str() + "/header.ring");
    EXPECT_EQ(run({"shm-summary", "--uri", "shm:file?path=" + elsewhere.str() + "/header.ring"}), 1);
    EXPECT_THAT(err, HasSubstr("SHM error: "));
}

// spec: TOOL-013
TEST_F(TpCommandLineTest, TellsWellFormedRegionUrisFromOthers) {
    for (const char* good :
         {"shm:file?path=/dev/shm/x/header.ring", "shm:file?path=/x|require_hugepages=true",
          "shm:file?require_hugepages=false|path=/x"}) {
        EXPECT_EQ(run({"validate-uri", "--uri", good}), 0) << good << err;
        EXPECT_EQ(out, "true\n");
    }
    for (const char* bad : {"shm:file?path=relative", "shm:file?", "file:/x",
                            "shm:file?path=/x|require_hugepages=yes", "shm:file?path=/x|mode=1",
                            "shm:file?path=/x&require_hugepages=true&", "shm:file?path=/x|path=/y"}) {
        EXPECT_EQ(run({"validate-uri", "--uri", bad}),
                  bad == std::string("shm:file?path=/x&require_hugepages=true&") ? 0 : 3)
            << bad;
    }
    EXPECT_EQ(run({"validate-uri", "--uri", "file:/x", "--json"}), 3);
    EXPECT_EQ(out, "{\"valid\":false}\n");
}

// spec: TOOL-017
TEST_F(TpCommandLineTest, ComparesARegionWithEverythingItIsGiven) {
    const std::string uri = make_ring();
    const auto validate = [&](const std::vector<std::string>& more) {
        std::vector<std::string> words{"shm-validate", "--uri", uri, "--allow", shm_dir()};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    };
    EXPECT_EQ(
        validate({"--layout-version", "1", "--epoch", "2", "--stream-id", "77", "--nslots", "8",
                  "--slot-bytes", "256", "--region-type", "header", "--pool-id", "0", "--stride-bytes", "0"}),
        0)
        << err;
    EXPECT_EQ(out, "true\n");
    for (const auto& [option, value] :
         std::vector<std::pair<std::string, std::string>>{{"--layout-version", "2"},
                                                          {"--epoch", "3"},
                                                          {"--stream-id", "78"},
                                                          {"--nslots", "16"},
                                                          {"--slot-bytes", "128"},
                                                          {"--pool-id", "1"},
                                                          {"--stride-bytes", "64"},
                                                          {"--region-type", "payload"}}) {
        EXPECT_EQ(validate({option, value}), 3) << option;
        EXPECT_EQ(out, "false\n");
    }
    std::fstream ring(uri.substr(uri.find('=') + 1), std::ios::in | std::ios::out | std::ios::binary);
    ring.put('x');  // the magic
    ring.close();
    EXPECT_EQ(validate({}), 3);
    EXPECT_THAT(err, HasSubstr("magic"));
}

TEST_F(TpCommandLineTest, BashCompletesCommandsOptionsAndValues) {
    write_completion();
    EXPECT_THAT(complete({"tp", ""}), IsSupersetOf({"driver", "supervisor", "ls", "inspect", "completion"}));
    EXPECT_THAT(complete({"tp", "driver-co"}),
                ElementsAre("driver-counters", "driver-config-validate", "driver-config-dump"));
    EXPECT_THAT(complete({"tp", "inspect", "read-"}), ElementsAre("read-superblock", "read-header"));
    EXPECT_THAT(complete({"tp", "listen", "--ra"}), ElementsAre("--raw", "--raw-file"));
    EXPECT_THAT(complete({"tp", "ls", "--messaging", ""}), ElementsAre("embedded", "aeron"));
    EXPECT_THAT(complete({"tp", "driver-attach", "--role", "p"}), ElementsAre("producer"));
    EXPECT_THAT(complete({"tp", "driver-attach", "--role", "=", "p"}), ElementsAre("producer"));
    EXPECT_THAT(complete({"tp", "listen", "--streams", "control,q"}), ElementsAre("control,qos"));
    EXPECT_THAT(complete({"tp", "completion", ""}), ElementsAre("bash", "zsh", "fish"));
    EXPECT_THAT(complete({"tp", "ls", "--duration-s", ""}), IsEmpty());
    EXPECT_THAT(complete({"tp", "no-such-command", ""}), Not(Contains("no-such-command")));
}

TEST_F(TpCommandLineTest, BashCompletesFilesWhereAFileIsMeant) {
    write_completion();
    const std::string config = write_config();
    EXPECT_THAT(complete({"tp", "driver", config.substr(0, config.size() - 3)}), ElementsAre(config));
    EXPECT_THAT(complete({"tp", "driver", "--config", config.substr(0, config.size() - 3)}),
                ElementsAre(config));
    EXPECT_THAT(complete({"tp", "ls", config.substr(0, config.size() - 3)}), IsEmpty());
}

TEST_F(TpCommandLineTest, CompletionForOtherShellsNamesEveryCommand) {
    for (const char* shell : {"zsh", "fish"}) {
        ASSERT_EQ(run({"completion", shell}), 0) << err;
        EXPECT_THAT(out, AllOf(HasSubstr("driver-attach"), HasSubstr("supervisor"), HasSubstr("embedded")))
            << shell;
    }
    EXPECT_EQ(run({"completion", "tcsh"}), 2);
    EXPECT_THAT(err, HasSubstr("bash"));
}

TEST_F(TpCommandLineTest, WritesAManualPageForEveryCommandThatItsHelpNames) {
    ASSERT_EQ(run({"man", "--out", path("man")}), 0) << err;
    std::vector<std::string> pages;
    for (const auto& entry : std::filesystem::directory_iterator(path("man")))
        pages.push_back(entry.path().filename().string());
    EXPECT_THAT(pages, IsSupersetOf({"tp.1", "tp-driver.1", "tp-driver-attach.1", "tp-inspect-read-header.1",
                                     "tp-supervisor.1", "tp-completion.1"}));
    std::ifstream in(path("man/tp-driver-attach.1"));
    std::ostringstream page;
    page << in.rdbuf();
    EXPECT_THAT(page.str(), AllOf(StartsWith(".TH \"TP\\-DRIVER\\-ATTACH\" \"1\""),
                                  HasSubstr(".SH NAME\ntp\\-driver\\-attach \\- "),
                                  HasSubstr("\\fB\\-\\-client\\-id\\fR \\fIUINT\\fR"),
                                  HasSubstr("One of: consumer, producer."), HasSubstr("\\fBTP_CLIENT_ID\\fR"),
                                  HasSubstr(".SH EXIT STATUS"), HasSubstr("Default: 5000.")));
    EXPECT_EQ(run({"man", "--out", "/proc/nowhere"}), 1);
    EXPECT_THAT(err, HasSubstr("/proc/nowhere"));
}

}  // namespace
}  // namespace tensorpool::test
