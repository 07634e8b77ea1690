// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// `tp stats`, `tp top`, `--metrics` and TP_LOG with real processes.

#include "apps/tp_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <regex>

namespace tensorpool::test {
namespace {

using testing::HasSubstr;
using testing::Not;

#ifdef TP_HAVE_PROMETHEUS
/// GET over a loopback connection; the whole answer, empty when there is none.
std::string http_get(std::uint16_t port, const std::string& path) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) {
        const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
        (void)::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
        std::array<char, 4096> chunk;
        for (ssize_t got = 0; (got = ::recv(fd, chunk.data(), chunk.size(), 0)) > 0;)
            answer.append(chunk.data(), static_cast<std::size_t>(got));
    }
    ::close(fd);
    return answer;
}
#endif

class TpStatsTest : public TpTest {
protected:
    std::unique_ptr<Program> produce(std::vector<std::string> more = {},
                                     const std::vector<std::string>& environment = {}) {
        std::vector<std::string> words{"produce", "--stream-id", "10000",  "--allow", shm_dir(),
                                       "--shape", "16,16",       "--rate", "200"};
        words.insert(words.end(), more.begin(), more.end());
        return tp(words, environment);
    }
    std::unique_ptr<Program> consume(std::vector<std::string> more = {}) {
        std::vector<std::string> words{"consume", "--stream-id", "10000", "--allow", shm_dir()};
        words.insert(words.end(), more.begin(), more.end());
        return tp(words);
    }
    /// The sum over all counters with that label; -1 when there is none.
    long long stat(const std::string& label) {
        EXPECT_EQ(run({"stats", "--all", "--json", "--filter", label + ": "}), 0) << err;
        long long sum = -1;
        for (const auto& line : json_lines(out)) {
            if (line["label"].get<std::string>().starts_with(label + ": "))
                sum = std::max(sum, 0LL) + line["value"].get<long long>();
        }
        return sum;
    }
    /// Where a program says its metrics are.
    static std::uint16_t metrics_port(Program& program) {
        std::smatch match;
        std::string text;
        EXPECT_TRUE(eventually([&] {
            text = program.err();
            return std::regex_search(text, match, std::regex("metrics at http://127.0.0.1:(\\d+)/metrics\n"));
        })) << text;
        return match.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(std::stoul(match[1]));
    }
    /// The value of the first series whose name and labels match; -1 when there is none.
    static double series(const std::string& text, const std::string& pattern) {
        std::smatch match;
        if (!std::regex_search(text, match, std::regex("(?:^|\n)" + pattern + " ([0-9.e+-]+)\n"))) return -1;
        return std::stod(match[1]);
    }
};

// spec: TOOL-032, OBS-004, OBS-005
TEST_F(TpStatsTest, ShowsTheCountersOfEveryRunningRole) {
    const auto driver = start_driver();
    const auto producer = produce();
    const auto consumer = consume();
    EXPECT_TRUE(eventually([&] { return stat("FramesPublished") > 10 && stat("FramesDelivered") > 10; }));
    ASSERT_EQ(run({"stats"}), 0);
    const std::regex line("id=\\d+ type=\\d+ value=-?\\d+ label=[A-Za-z]+: NodeId=\\d+ Name=.*");
    std::istringstream in(out);
    int lines = 0;
    for (std::string text; std::getline(in, text); ++lines) EXPECT_TRUE(std::regex_match(text, line)) << text;
    EXPECT_GT(lines, 20);
    for (const char* label : {"label=FramesPublished: NodeId=", "label=DropsGap: NodeId=",
                              "label=DropsEpochMismatch: NodeId=", "label=AttachResponses: NodeId=32767 "})
        EXPECT_THAT(out, HasSubstr(label));
    EXPECT_THAT(out, Not(HasSubstr("FramesDelivered"))) << "beyond the protocol's table: only with --all";

    ASSERT_EQ(run({"stats", "--filter", "consumer"}), 0);
    EXPECT_THAT(out, HasSubstr("Name=Consumer stream=10000"));
    EXPECT_THAT(out, Not(HasSubstr("Name=Producer")));
    ASSERT_EQ(run({"stats", "--filter", "Qos"}), 0);
    EXPECT_THAT(out, HasSubstr("Name=Producer"));
    EXPECT_THAT(out, HasSubstr("Name=Consumer"));
    EXPECT_THAT(out, Not(HasSubstr("DropsGap")));
}

// spec: TOOL-030, TOOL-031
TEST_F(TpStatsTest, DriverCountersAndBridgeStatusFilterByRole) {
    const auto driver = start_driver();
    EXPECT_TRUE(eventually([&] { return run({"driver-counters"}) == 0 && !out.empty(); }));
    EXPECT_THAT(out, HasSubstr("label=Keepalives: NodeId=32767 Name=Driver"));
    ASSERT_EQ(run({"driver-counters", "--filter", "Keepalives", "--json"}), 0);
    const auto lines = json_lines(out);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0]["type"], 32767 << 16 | 6);
    EXPECT_EQ(lines[0]["value"], 0);
    ASSERT_EQ(run({"bridge-status"}), 0);
    EXPECT_EQ(out, "") << "no bridge runs";
}

TEST_F(TpStatsTest, ShowsNothingOfTheDead) {
    auto producer = tp({"produce", "--stream-id", "1", "--standalone", "--shm-base-dir", shm_dir(), "--shape",
                        "4,4", "--rate", "100"});
    EXPECT_TRUE(eventually([&] { return stat("FramesCommitted") > 0; })) << producer->err();
    producer->signal(SIGKILL);
    producer->wait();
    if (aeron_dir_of_tests().empty()) {
        EXPECT_EQ(stat("FramesCommitted"), -1);
    } else {  // once the media driver counts its client as dead
        EXPECT_TRUE(eventually([&] { return stat("FramesCommitted") == -1; }));
    }
    EXPECT_FALSE(std::filesystem::exists(messaging_dir() + "/counters"));
}

TEST_F(TpStatsTest, TopPrintsOneScreenForScripts) {
    const auto driver = start_driver();
    const auto producer = produce({"--producer-id", "77"});
    const auto consumer = consume({"--consumer-id", "88"});
    EXPECT_TRUE(eventually([&] { return stat("FramesDelivered") > 10; }));
    ASSERT_EQ(run({"top", "--once", "--interval-s", "0.5"}), 0);
    EXPECT_THAT(out, HasSubstr("tp top: 1 producers, 1 consumers"));
    EXPECT_THAT(out, HasSubstr("driver driver-01: 1 streams, 2 leases"));
    std::smatch row;
    ASSERT_TRUE(
        std::regex_search(out, row, std::regex("10000 producer +77 +([0-9.]+) +([0-9.]+) +\\d+ +- +0\n")))
        << out;
    EXPECT_GT(std::stod(row[1]), 0);
    EXPECT_TRUE(std::regex_search(out, std::regex("10000 consumer +88 +[0-9.]+ +[0-9.]+ +\\d+ +\\d+ +\\d+")))
        << out;
    std::istringstream in(out);
    for (std::string text; std::getline(in, text);) EXPECT_LE(text.size(), 80u) << text;
}

TEST_F(TpStatsTest, TopWithoutATerminalSaysWhatToDo) {
    EXPECT_EQ(run({"top"}), 2);
    EXPECT_THAT(err, HasSubstr("--once"));
    ASSERT_EQ(run({"top", "--once", "--interval-s", "0.1"}), 0);
    EXPECT_THAT(out, HasSubstr("is anything running"));
}

#ifdef TP_HAVE_PROMETHEUS
// spec: OBS-006, OBS-007
TEST_F(TpStatsTest, PrometheusScrapesCountersThatRise) {
    const auto driver = tp({"driver", write_config(), "--metrics", "127.0.0.1:0"});
    const std::uint16_t driver_port = metrics_port(*driver);
    const auto producer =
        produce({"--metrics", "127.0.0.1:0", "--histograms", "frames"}, {"TP_INSTANCE=daq-1"});
    const auto consumer = consume({"--metrics", "localhost:0"});
    const std::uint16_t port = metrics_port(*producer);
    std::string text;
    const char* const published =
        "tensorpool_producer_frames_published_total\\{producer_id=\"\\d+\",stream_id=\"10000\","
        "producer_instance=\"daq-1\"\\}";
    EXPECT_TRUE(eventually([&] {
        text = http_get(port, "/metrics");
        return series(text, published) > 0;
    })) << text;
    EXPECT_THAT(text, HasSubstr("200 OK"));
    EXPECT_THAT(text, HasSubstr("# HELP tensorpool_producer_frames_published_total "));
    EXPECT_THAT(text, HasSubstr("# TYPE tensorpool_producer_frames_published_total counter\n"));
    EXPECT_THAT(text, HasSubstr("# TYPE tensorpool_producer_next_seq gauge\n"));
    EXPECT_THAT(text, HasSubstr("tensorpool_producer_committed_bytes_total{"));
    EXPECT_THAT(text, HasSubstr("tensorpool_producer_duty_cycles_total{"));
    EXPECT_THAT(text, HasSubstr("# TYPE tensorpool_producer_publish_latency_seconds summary\n"));
    EXPECT_THAT(text, HasSubstr("quantile=\"0.999\""));
    EXPECT_GT(series(text, "tensorpool_producer_publish_latency_seconds_count\\{[^}]*\\}"), 0);
    EXPECT_THAT(text, Not(HasSubstr("tensorpool_consumer_"))) << "each program shows its own roles only";
    const double first = series(text, published);
    EXPECT_TRUE(eventually([&] { return series(http_get(port, "/metrics"), published) > first; }));

    // Names and types by Prometheus' conventions.
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        std::smatch type;
        if (!std::regex_match(line, type, std::regex("# TYPE (\\S+) (\\S+)"))) continue;
        if (type[1].str().starts_with("exposer_")) continue;  // of the HTTP server itself
        EXPECT_TRUE(std::regex_match(type[1].str(), std::regex("tensorpool_[a-z][a-z0-9_]*"))) << line;
        EXPECT_EQ(type[2] == "counter", type[1].str().ends_with("_total")) << line;
        EXPECT_EQ(text.find(line), text.rfind(line)) << "one TYPE line per name: " << line;
    }

    EXPECT_TRUE(eventually([&] {
        const std::string of_driver = http_get(driver_port, "/metrics");
        return series(of_driver,
                      "tensorpool_driver_attach_responses_total\\{driver_id=\"32767\",driver_instance="
                      "\"driver-01\"\\}") == 2;
    }));
    const std::uint16_t consumer_port = metrics_port(*consumer);
    EXPECT_TRUE(eventually([&] {
        return series(http_get(consumer_port, "/metrics"),
                      "tensorpool_consumer_frames_delivered_total\\{[^}]*\\}") > 0;
    }));
}

TEST_F(TpStatsTest, MetricsRefuseABadAddressWithOneLine) {
    for (const char* address :
         {"127.0.0.1", "9464", "0.0.0.0:9464", "192.168.1.1:9464", "127.0.0.1:70000",
          "127.0.0.1:", "127.0.0.1:12x", "nowhere:1", ":9464", "127.0.0.1:0,0.0.0.0:0"}) {
        EXPECT_EQ(run({"produce", "--stream-id", "1", "--standalone", "--shm-base-dir", shm_dir(), "--shape",
                       "4", "--metrics", address}),
                  2)
            << address;
        EXPECT_THAT(err, HasSubstr(std::string("--metrics ") + address)) << address;
        EXPECT_THAT(err, HasSubstr("for example 127.0.0.1:9464"));
        EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    }
}

TEST_F(TpStatsTest, MetricsOnAPortInUseEndTheProgramWithOneLine) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
    ASSERT_EQ(::listen(fd, 1), 0);
    socklen_t length = sizeof(at);
    ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &length), 0);
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--standalone", "--shm-base-dir", shm_dir(), "--shape", "4",
                   "--metrics", "127.0.0.1:" + std::to_string(ntohs(at.sin_port))}),
              1);
    EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    ::close(fd);
}

#else

TEST_F(TpStatsTest, MetricsAreRefusedByABuildWithoutPrometheus) {
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--standalone", "--shm-base-dir", shm_dir(), "--shape", "4",
                   "--metrics", "127.0.0.1:0"}),
              1);
    EXPECT_THAT(err, HasSubstr("prometheus-cpp-dev"));
}

#endif

// spec: OBS-026
TEST_F(TpStatsTest, HistogramsAppearAsCountersWhenAskedFor) {
    const auto driver = tp({"driver", write_config(), "--histograms", "control"});
    const auto producer = produce();
    EXPECT_TRUE(eventually([&] { return stat("AttachLatencyCount") > 0 && stat("DriverPollP99") > 0; }));
    EXPECT_EQ(stat("PublishLatencyCount"), -1) << "not asked for";
}

// spec: OBS-017, OBS-020, OBS-021, OBS-024, TOOL-041
TEST_F(TpStatsTest, LogsAsTheEnvironmentSays) {
    const auto stopped = [&](const std::vector<std::string>& environment) {
        const std::string config = write_config();
        const auto driver = tp({"driver", config}, environment);
        EXPECT_TRUE(eventually([&] { return stat("TotalDutyCycles") >= 0; }));
        const auto producer = produce({"--frames", "3"});
        EXPECT_EQ(producer->wait(), 0) << producer->err();
        driver->signal(SIGTERM);
        EXPECT_EQ(driver->wait(), 0);
        return driver->err();
    };
    const auto records = json_lines(stopped({"TP_LOG=1"}));
    const auto attached = std::find_if(records.begin(), records.end(), [](const auto& record) {
        return record["msg"].template get<std::string>().find(" attached to stream ") != std::string::npos;
    });
    ASSERT_NE(attached, records.end());
    EXPECT_EQ((*attached)["level"], "info");
    EXPECT_EQ((*attached)["module"], "Driver");
    EXPECT_EQ((*attached)["fields"]["stream_id"], 10000);
    EXPECT_TRUE((*attached)["fields"]["lease_id"].is_number_unsigned());

    EXPECT_THAT(stopped({"TP_LOG=1", "TP_LOG_FORMAT=text"}), HasSubstr(" info Driver: client "));
    EXPECT_EQ(stopped({"TP_LOG=1", "TP_LOG_MODULES=Consumer"}), "");
    EXPECT_EQ(stopped({"TP_LOG=1", "TP_LOG_LEVEL=error"}), "");
    EXPECT_EQ(stopped({"TP_LOG=0"}), "");
    EXPECT_EQ(stopped({"TP_LOG=1", "TP_LOG_FILE=" + path("driver.log")}), "");
    std::ifstream log(path("driver.log"));
    std::ostringstream text;
    text << log.rdbuf();
    EXPECT_FALSE(json_lines(text.str()).empty());
    EXPECT_EQ(run({"driver", write_config()}, {"TP_LOG=1", "TP_LOG_FILE=" + dir.str()}), 1);
    EXPECT_THAT(err, HasSubstr("TP_LOG_FILE"));
}

}  // namespace
}  // namespace tensorpool::test
