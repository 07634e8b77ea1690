// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace tensorpool {
namespace {

using apps::printable;
using apps::Report;
using apps::to_json_line;
using apps::to_lines;
using apps::to_message_line;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
/// Clears the screen, forges a line and a key, and is no UTF-8.
const std::string kHostile = "\x1b[2J\nlease_id=7 \"x\" \xff\x9b";

// ---- lines ----------------------------------------------------------------------------------------------

// spec: TOOL-003
TEST(ReportTest, PrintsOneItemPerLineInTheOrderGiven) {
    const Report report{
        {"zebra", kMost}, {"apple", -1}, {"name", "two words"}, {"on", true}, {"gone", nullptr}};
    EXPECT_EQ(to_lines(report), "zebra=18446744073709551615\napple=-1\nname=two words\non=true\ngone=null\n");
}

// spec: TOOL-003
TEST(ReportTest, PrintsTheLengthOfAListAndThenALinePerEntry) {
    const Report report{
        {"pools", Report::array({{{"pool_id", 1}, {"uri", "a"}}, {{"pool_id", 2}, {"uri", "b"}}})},
        {"none", Report::array()},
        {"ids", {3, 4}},
        {"end", 0}};
    EXPECT_EQ(to_lines(report), "pools=2\npool_id=1 uri=a\npool_id=2 uri=b\nnone=0\nids=[3, 4]\nend=0\n");
}

TEST(ReportTest, KeepsAPeersTextFromForgingALine) {
    EXPECT_EQ(to_lines({{"error_message", kHostile}}),
              "error_message=\\x1b[2J\\x0alease_id=7 \"x\" \\xff\\x9b\n");
}

// ---- messages -------------------------------------------------------------------------------------------

TEST(ReportTest, PrintsAMessageAsItsTypeAndKeys) {
    const Report report{
        {"type", "ShmPoolAnnounce"},
        {"stream", 1},
        {"watermark", nullptr},
        {"uri", "shm:file?path=/dev/shm/x"},
        {"pools", Report::array({{{"pool_id", 1}, {"nslots", 8}}, {{"pool_id", 2}, {"nslots", 8}}})},
        {"rules", Report::array()}};
    EXPECT_EQ(to_message_line(report),
              "ShmPoolAnnounce stream=1 watermark=null uri=shm:file?path=/dev/shm/x "
              "pools=[pool_id=1 nslots=8, pool_id=2 nslots=8] rules=[]\n");
}

TEST(ReportTest, QuotesAPeersTextThatWouldPassForMoreKeys) {
    EXPECT_EQ(to_message_line({{"type", "T"}, {"name", "x epoch=5"}, {"epoch", 1}}),
              "T name=\"x epoch=5\" epoch=1\n");
    EXPECT_EQ(to_message_line({{"type", "T"}, {"name", "\" epoch=5 \\"}, {"epoch", 1}}),
              "T name=\"\\\" epoch=5 \\\\\" epoch=1\n");
    EXPECT_EQ(to_message_line({{"type", "T"}, {"pools", Report::array({{{"uri", "x], pools=[y"}}})}}),
              "T pools=[uri=\"x], pools=[y\"]\n");
    EXPECT_EQ(to_lines({{"pools", Report::array({{{"uri", "x pool_id=9"}}})}}),
              "pools=1\nuri=\"x pool_id=9\"\n");
}

// ---- JSON -----------------------------------------------------------------------------------------------

// spec: TOOL-004
TEST(ReportTest, PrintsJsonOnOneLineWithPlainIntegersAndNulls) {
    EXPECT_EQ(to_json_line({{"b", kMost}, {"a", nullptr}, {"list", Report::array({{{"x", "y"}}})}}),
              "{\"b\":18446744073709551615,\"a\":null,\"list\":[{\"x\":\"y\"}]}\n");
}

// spec: TOOL-004
TEST(ReportTest, EscapesEveryStringInJsonWhateverBytesItHolds) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 200; ++round) {
        std::string text = round == 0 ? kHostile : "";
        for (int i = 0; i < 20; ++i) text += static_cast<char>(random());
        const std::string line = to_json_line({{"text", text}});
        for (const char c : line.substr(0, line.size() - 1)) {
            EXPECT_GE(c, ' ');
            EXPECT_LT(c, '\x7f');
        }
        EXPECT_EQ(line.back(), '\n');
        EXPECT_TRUE(nlohmann::json::parse(line).at("text").is_string());
    }
    EXPECT_EQ(to_json_line({{"text", "\"\\\xff\xc3\xa4\n"}}), "{\"text\":\"\\\"\\\\\\ufffd\\u00e4\\n\"}\n");
}

// ---- text for a terminal --------------------------------------------------------------------------------

TEST(PrintableTest, LeavesOrdinaryTextInAnyLanguageAsItIs) {
    for (const char* const text : {"", "plain 'text' \"quoted\"", "gr\xc3\xb6\xc3\x9f!",
                                   "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x93\xb7"})
        EXPECT_EQ(printable(text), text);
}

TEST(PrintableTest, EscapesWhatControlsATerminalOrHidesText) {
    EXPECT_EQ(printable("a\tb\r\n"), "a\\x09b\\x0d\\x0a");
    EXPECT_EQ(printable(std::string("\0\x7f", 2)), "\\x00\\x7f");
    EXPECT_EQ(printable("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
    EXPECT_EQ(printable("\xc2\x9b"
                        "2J"),
              "\\xc2\\x9b2J")
        << "an 8-bit control sequence";
    EXPECT_EQ(printable("\xe2\x80\xae"
                        "txt"),
              "\\xe2\\x80\\xaetxt")
        << "right-to-left override";
    EXPECT_EQ(printable("\xe2\x80\x8b\xef\xbb\xbf"), "\\xe2\\x80\\x8b\\xef\\xbb\\xbf") << "no width";
    EXPECT_EQ(printable("\\x41"), "\\\\x41") << "an escape of ours cannot be forged";
}

TEST(PrintableTest, EscapesEachByteThatIsNoUtf8) {
    EXPECT_EQ(printable("\x80\xbf"), "\\x80\\xbf") << "continuations of nothing";
    EXPECT_EQ(printable("\xc3"), "\\xc3") << "cut short";
    EXPECT_EQ(printable("\xc3(x"), "\\xc3(x");
    EXPECT_EQ(printable("\xc0\xaf\xe0\x80\xaf"), "\\xc0\\xaf\\xe0\\x80\\xaf") << "longer than needed";
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair";
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "behind the last character";
    EXPECT_EQ(printable("\xf8\x88\x80\x80\x80\xff"), "\\xf8\\x88\\x80\\x80\\x80\\xff");
}

}  // namespace
}  // namespace tensorpool
