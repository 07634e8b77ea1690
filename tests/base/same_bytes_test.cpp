// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "base/same_bytes.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tensorpool::base {
namespace {

template <std::size_t Bytes>
void notices_every_single_byte() {
    // One byte in front and one behind, which must not matter; odd addresses on purpose.
    std::array<std::byte, Bytes + 2> left{};
    std::array<std::byte, Bytes + 2> right{};
    left.front() = left.back() = std::byte{1};
    EXPECT_TRUE(same_bytes<Bytes>(&left[1], &right[1]));
    EXPECT_TRUE(racy_same_bytes<Bytes>(&left[1], &right[1]));
    for (std::size_t at = 1; at <= Bytes; ++at) {
        right[at] = std::byte{0x80};
        EXPECT_FALSE(same_bytes<Bytes>(&left[1], &right[1])) << at;
        EXPECT_FALSE(racy_same_bytes<Bytes>(&left[1], &right[1])) << at;
        right[at] = std::byte{0};
    }
}

TEST(SameBytesTest, NoticesEverySingleByteAndNothingBeyond) {
    notices_every_single_byte<8>();
    notices_every_single_byte<19>();
    notices_every_single_byte<68>();
    notices_every_single_byte<87>();
}

}  // namespace
}  // namespace tensorpool::base
