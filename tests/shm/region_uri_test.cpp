// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/region_uri.hpp"

#include "support/rounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <vector>

namespace tensorpool::shm {
namespace {

using testing::HasSubstr;

/// The parsed URI, or "refused: <reason>" as its path.
RegionUri parsed(std::string_view text) {
    const auto uri = parse_region_uri(text);
    return uri ? *uri : RegionUri{"refused: " + uri.error(), false};
}

// spec: WIRE-156 WIRE-157
TEST(RegionUriTest, TakesAnAbsolutePathAndNothingElse) {
    EXPECT_EQ(parsed("shm:file?path=/dev/shm/x/header.ring"), (RegionUri{"/dev/shm/x/header.ring", false}));
    EXPECT_EQ(parsed("shm:file?path=/a"), (RegionUri{"/a", false}));
}

// spec: WIRE-156 WIRE-161
TEST(RegionUriTest, TakesTheHugepageDemandInBothValuesAndDefaultsToNone) {
    EXPECT_EQ(parsed("shm:file?path=/a|require_hugepages=true"), (RegionUri{"/a", true}));
    EXPECT_EQ(parsed("shm:file?path=/a|require_hugepages=false"), (RegionUri{"/a", false}));
    EXPECT_EQ(parsed("shm:file?require_hugepages=true|path=/a"), (RegionUri{"/a", true})) << "in any order";
}

// spec: WIRE-156 WIRE-158
TEST(RegionUriTest, RefusesEveryOtherScheme) {
    for (const std::string_view text :
         {"", "/dev/shm/x", "shm", "shm:", "shm:file", "shm:file/path=/a", "file:?path=/a", "file:///a",
          "shm:memfd?path=/a", "shm:posix?name=/a", "shm:section?name=Global\\x", "shm:files?path=/a",
          "aeron:ipc?path=/a", " shm:file?path=/a", "xshm:file?path=/a", "shm:file:?path=/a",
          "shm://file?path=/a"}) {
        EXPECT_THAT(parsed(text).path, HasSubstr("refused: ")) << text;
        EXPECT_THAT(parsed(text).path, HasSubstr("WIRE-156")) << text;
    }
}

// spec: WIRE-156
TEST(RegionUriTest, RefusesAnyOtherLetterCase) {
    for (const std::string_view text :
         {"SHM:file?path=/a", "shm:FILE?path=/a", "shm:file?Path=/a",
          "shm:file?path=/a|REQUIRE_HUGEPAGES=true", "shm:file?path=/a|require_hugepages=True",
          "shm:file?path=/a|require_hugepages=FALSE"}) {
        EXPECT_THAT(parsed(text).path, HasSubstr("refused: ")) << text;
    }
}

// spec: WIRE-156
TEST(RegionUriTest, RefusesUnknownRepeatedAndMissingParameters) {
    for (const std::string_view text :
         {"shm:file?", "shm:file?require_hugepages=true", "shm:file?path=/a|path=/b",
          "shm:file?path=/a|path=/a", "shm:file?path=/a|require_hugepages=true|require_hugepages=true",
          "shm:file?path=/a|mode=ro", "shm:file?path=/a|", "shm:file?|path=/a",
          "shm:file?path=/a||require_hugepages=true", "shm:file?/a", "shm:file?path",
          "shm:file?path=/a|require_hugepages", "shm:file?path=/a|require_hugepages=",
          "shm:file?path=/a|require_hugepages=1", "shm:file?path=/a|require_hugepages=truex",
          "shm:file?path=/a|require_hugepages= true", "shm:file?path=/a|size=4096", "shm:file? path=/a"}) {
        EXPECT_THAT(parsed(text).path, HasSubstr("refused: ")) << text;
        EXPECT_THAT(parsed(text).path, HasSubstr("WIRE-156")) << text;
    }
}

// spec: WIRE-148
TEST(RegionUriTest, RefusesAPathThatIsNotAbsolute) {
    for (const std::string_view text :
         {"shm:file?path=", "shm:file?path=a", "shm:file?path=./a", "shm:file?path=../a", "shm:file?path=~/a",
          "shm:file?path=C:\\a", "shm:file?path=|require_hugepages=true", "shm:file?path=/"}) {
        EXPECT_THAT(parsed(text).path, HasSubstr("WIRE-148")) << text;
    }
}

// spec: WIRE-157
TEST(RegionUriTest, APathMayHoldEveryVisibleCharacterButTheTwoSeparators) {
    std::string path = "/";
    for (int c = '!'; c <= '~'; ++c) {
        if (c != '?' && c != '|') path += static_cast<char>(c);
    }
    EXPECT_EQ(parsed("shm:file?path=" + path).path, path);
    for (int c = 0; c < 256; ++c) {
        const char byte = static_cast<char>(c);
        const bool allowed = c > ' ' && c < 0x7F && byte != '?' && byte != '|';
        std::string text = "shm:file?path=/a";
        text += byte;
        text += 'b';
        EXPECT_EQ(parse_region_uri(text).has_value(), allowed) << "byte " << c;
    }
}

// spec: WIRE-157
TEST(RegionUriTest, AnAmpersandIsPartOfThePathAndSeparatesNothing) {
    EXPECT_EQ(parsed("shm:file?path=/a&require_hugepages=true"),
              (RegionUri{"/a&require_hugepages=true", false}));
}

TEST(RegionUriTest, TheRefusalIsOneShortPrintableLine) {
    std::string hostile = "shm:file?path=\n\x1b[31m";
    hostile += '\0';
    hostile += "\xff" + std::string(1'000'000, 'x');
    const auto uri = parse_region_uri(hostile);
    ASSERT_FALSE(uri.has_value());
    EXPECT_LT(uri.error().size(), 400U);
    EXPECT_TRUE(std::ranges::all_of(uri.error(), [](char c) { return c >= ' ' && c < '\x7f'; }))
        << uri.error();
}

// spec: WIRE-156
TEST(RegionUriTest, WhatIsWrittenIsReadBackAndHasThePathFirst) {
    EXPECT_EQ(format_region_uri({"/a/b.pool", false}), "shm:file?path=/a/b.pool");
    EXPECT_EQ(format_region_uri({"/a/b.pool", true}), "shm:file?path=/a/b.pool|require_hugepages=true");
    for (const bool huge : {false, true}) {
        const RegionUri uri{"/dev/shm/tensorpool-me/default/7/9/1.pool", huge};
        EXPECT_EQ(parsed(format_region_uri(uri)), uri);
    }
}

// spec: WIRE-156 WIRE-157
TEST(RegionUriTest, DamagedTextIsRefusedOrReadAsAUriThatReadsTheSameAgain) {
    const unsigned seed = std::random_device{}();
    std::cout << "seed " << seed << "\n";
    std::mt19937 random(seed);
    const std::vector<std::string> pieces{
        "shm:file?", "path=", "/a", "/..",  "|", "require_hugepages=", "true", "false", "=",
        "?",         " ",     "&",  "\xff", "b"};
    int accepted = 0;
    for (int round = 0; round < test::rounds(100'000); ++round) {
        std::string text = random() % 2 == 0 ? "shm:file?path=/" : "";
        for (auto i = random() % 6; i > 0; --i) text += pieces[random() % pieces.size()];
        if (!text.empty() && random() % 3 == 0) text[random() % text.size()] = static_cast<char>(random());
        const auto uri = parse_region_uri(text);
        if (!uri) continue;
        ++accepted;
        ASSERT_EQ(uri->path.front(), '/') << text;
        ASSERT_EQ(uri->path.find_first_of("?| "), std::string::npos) << text;
        ASSERT_EQ(parsed(format_region_uri(*uri)), *uri) << text;
    }
    EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace tensorpool::shm
