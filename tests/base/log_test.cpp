// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "base/log.hpp"
#include "base/text.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/log.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

namespace tensorpool::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Sets environment variables for one test.
class LogTest : public testing::Test {
protected:
    void SetUp() override { clear(); }
    void TearDown() override {
        set_log_sink(nullptr);
        clear();
    }
    static void clear() {
        for (const char* name :
             {"TP_LOG", "TP_LOG_LEVEL", "TP_LOG_MODULES", "TP_LOG_FORMAT", "TP_LOG_FILE", "TP_LOG_FLUSH"}) {
            ::unsetenv(name);
        }
    }
    /// A sink that appends to a file of this test, installed.
    std::unique_ptr<LogSink> sink_with(LogSettings settings) const {
        settings.file = file();
        settings.flush = true;
        auto sink = make_log_sink(settings);
        set_log_sink(sink.get(), settings.level);
        return sink;
    }
    [[nodiscard]] std::string file() const { return dir.str() + "/log"; }
    [[nodiscard]] std::vector<std::string> lines() const {
        std::vector<std::string> all;
        std::ifstream in(file());
        for (std::string line; std::getline(in, line);) all.push_back(line);
        return all;
    }
    TempDir dir;
};

// spec: OBS-017
TEST_F(LogTest, IsOnOnlyWithTpLogOne) {
    EXPECT_FALSE(LogSettings::from_environment().on);
    for (const char* value : {"0", "", "true", "yes", "2", " 1"}) {
        ::setenv("TP_LOG", value, 1);
        EXPECT_FALSE(LogSettings::from_environment().on) << value;
    }
    ::setenv("TP_LOG", "1", 1);
    EXPECT_TRUE(LogSettings::from_environment().on);
}

// spec: OBS-018, OT-11
TEST_F(LogTest, ReadsLevelsOnBothScalesAndByName) {
    const std::pair<const char*, LogLevel> cases[] = {
        {"10", LogLevel::Debug},  {"20", LogLevel::Info},     {"30", LogLevel::Warn},
        {"40", LogLevel::Error},  {"debug", LogLevel::Debug}, {"INFO", LogLevel::Info},
        {"Warn", LogLevel::Warn}, {"error", LogLevel::Error}, {"0", LogLevel::Error},
        {"1", LogLevel::Warn},    {"2", LogLevel::Info},      {"3", LogLevel::Debug},
        {"4", LogLevel::Debug},   {"5", LogLevel::Info},      {"loud", LogLevel::Info},
        {"", LogLevel::Info}};
    for (const auto& [text, level] : cases) EXPECT_EQ(parse_log_level(text), level) << text;
    EXPECT_EQ(LogSettings::from_environment().level, LogLevel::Info);
    ::setenv("TP_LOG_LEVEL", "1", 1);
    EXPECT_EQ(LogSettings::from_environment().level, LogLevel::Warn);
}

// spec: OBS-018
TEST_F(LogTest, PassesRecordsAtOrAboveTheLevel) {
    LogSettings settings;
    settings.level = LogLevel::Warn;
    settings.format = LogFormat::Text;
    const auto sink = sink_with(settings);
    base::log(LogLevel::Info, "Driver", "below");
    base::log(LogLevel::Warn, "Driver", "at");
    base::log(LogLevel::Error, "Driver", "above");
    ASSERT_EQ(lines().size(), 2u);
    EXPECT_THAT(lines()[0], HasSubstr(" warn Driver: at"));
    EXPECT_THAT(lines()[1], HasSubstr(" error Driver: above"));
}

// spec: OBS-019
TEST_F(LogTest, FiltersByExactModuleNames) {
    ::setenv("TP_LOG_MODULES", " Driver ,,Consumer", 1);
    const LogSettings settings = LogSettings::from_environment();
    EXPECT_THAT(settings.modules, ElementsAre("Driver", "Consumer"));
    const auto sink = sink_with(settings);
    base::log(LogLevel::Info, "Driver", "one");
    base::log(LogLevel::Info, "Drive", "no");
    base::log(LogLevel::Info, "driver", "no");
    base::log(LogLevel::Info, "Consumer", "two");
    EXPECT_EQ(lines().size(), 2u);
    ::unsetenv("TP_LOG_MODULES");
    EXPECT_TRUE(LogSettings::from_environment().modules.empty());
}

// spec: OBS-020
TEST_F(LogTest, IsJsonUnlessTextIsAskedForAndAppendsToTheFile) {
    EXPECT_EQ(LogSettings::from_environment().format, LogFormat::Json);
    ::setenv("TP_LOG_FORMAT", "text", 1);
    ::setenv("TP_LOG_FILE", "/tmp/x", 1);
    ::setenv("TP_LOG_FLUSH", "1", 1);
    const LogSettings settings = LogSettings::from_environment();
    EXPECT_EQ(settings.format, LogFormat::Text);
    EXPECT_EQ(settings.file, "/tmp/x");
    EXPECT_TRUE(settings.flush);
    for (int i = 0; i < 2; ++i) {
        const auto sink = sink_with(settings);
        base::log(LogLevel::Info, "Tool", "round {}", i);
        set_log_sink(nullptr);
    }
    ASSERT_EQ(lines().size(), 2u);
    EXPECT_THAT(lines()[1], HasSubstr("Tool: round 1"));
}

// spec: OBS-020
TEST_F(LogTest, RefusesAFileThatCannotBeOpenedByName) {
    LogSettings settings;
    settings.file = dir.str();
    try {
        (void)make_log_sink(settings);
        FAIL() << "opened a directory";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(dir.str()));
        EXPECT_THAT(error.what(), HasSubstr("TP_LOG_FILE"));
    }
}

// spec: OBS-021
TEST_F(LogTest, WritesOneJsonObjectPerLineWithTypedFields) {
    const auto sink = sink_with({});
    const auto before = std::chrono::system_clock::now().time_since_epoch();
    base::log_with(LogLevel::Warn, "Driver",
                   {{"stream_id", 10000u},
                    {"lease_id", std::uint64_t{0x8000000000000001}},
                    {"delta", -5},
                    {"ratio", 0.5},
                    {"none", std::numeric_limits<double>::infinity()},
                    {"held", true},
                    {"reason", std::string_view("no \"keepalive\"\n")}},
                   "lease {} ended", 7);
    ASSERT_EQ(lines().size(), 1u);
    const auto json = nlohmann::json::parse(lines()[0]);
    EXPECT_EQ(json["level"], "warn");
    EXPECT_EQ(json["module"], "Driver");
    EXPECT_EQ(json["msg"], "lease 7 ended");
    EXPECT_EQ(json["fields"]["stream_id"], 10000);
    EXPECT_EQ(json["fields"]["lease_id"], 0x8000000000000001U);
    EXPECT_EQ(json["fields"]["delta"], -5);
    EXPECT_EQ(json["fields"]["ratio"], 0.5);
    EXPECT_TRUE(json["fields"]["none"].is_null());
    EXPECT_EQ(json["fields"]["held"], true);
    EXPECT_EQ(json["fields"]["reason"], "no \"keepalive\"\n");
    const auto ts = json["ts"].get<std::uint64_t>();
    EXPECT_GE(ts, static_cast<std::uint64_t>(std::chrono::nanoseconds(before).count()));
    EXPECT_LE(ts, static_cast<std::uint64_t>(
                      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count()));
}

TEST_F(LogTest, WhateverAPeerSentStaysOneLine) {
    const std::string hostile("a\nb\x1b[2J\xff\"\\\xe2\x80\xae", 14);
    {
        const auto sink = sink_with({});
        base::log(LogLevel::Info, "Control", "{}", hostile);
        base::log_with(LogLevel::Info, "Control", {{"text", std::string_view(hostile)}}, "x");
        set_log_sink(nullptr);
    }
    ASSERT_EQ(lines().size(), 2u);
    EXPECT_EQ(nlohmann::json::parse(lines()[0])["msg"], nlohmann::json::parse(lines()[1])["fields"]["text"]);
    LogSettings text;
    text.format = LogFormat::Text;
    const auto sink = sink_with(text);
    base::log(LogLevel::Info, "Control", "{}", hostile);
    ASSERT_EQ(lines().size(), 3u);
    EXPECT_EQ(lines()[2].find('\x1b'), std::string::npos);
}

// spec: OBS-020, OBS-022
TEST_F(LogTest, ADisabledLevelFormatsNothing) {
    class Counting final : public LogSink {
    public:
        void write(LogLevel, std::string_view, std::string_view) noexcept override { ++records; }
        int records = 0;
    } sink;
    set_log_sink(&sink, LogLevel::Info);
    EXPECT_FALSE(base::log_enabled(LogLevel::Debug));
    EXPECT_TRUE(base::log_enabled(LogLevel::Info));
    base::log(LogLevel::Debug, "Producer", "{}", 1);
    base::log_with(LogLevel::Debug, "Producer", {{"a", 1}}, "x");
    EXPECT_EQ(sink.records, 0);
    base::log_with(LogLevel::Info, "Producer", {{"a", 1}}, "x");
    EXPECT_EQ(sink.records, 1) << "a sink that knows no fields still gets the line";
    set_log_sink(nullptr);
    EXPECT_FALSE(base::log_enabled(LogLevel::Error));
}

// spec: OBS-023
TEST(LogLimitTest, LetsOneThroughPerPeriodAndCountsTheRest) {
    base::LogLimit limit;
    EXPECT_TRUE(limit.pass(5));
    EXPECT_FALSE(limit.pass(6));
    EXPECT_FALSE(limit.pass(5 + kNanosPerSecond - 1));
    EXPECT_TRUE(limit.pass(5 + kNanosPerSecond));
    EXPECT_EQ(limit.take_held_back(), 2u);
    EXPECT_EQ(limit.take_held_back(), 0u);
}

}  // namespace
}  // namespace tensorpool::test
