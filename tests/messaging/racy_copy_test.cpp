// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "base/racy_copy.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tensorpool::base {
namespace {

TEST(RacyCopyTest, CopiesExactlyTheBytesAskedForAtAnyAlignment) {
    for (std::size_t offset = 0; offset < 9; ++offset) {
        for (std::size_t length = 0; length < 40; ++length) {
            alignas(8) std::array<unsigned char, 64> from{};
            for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<unsigned char>(i + 1);
            alignas(8) std::array<unsigned char, 64> in{};
            alignas(8) std::array<unsigned char, 64> out{};
            racy_copy_to_shared(in.data() + offset, from.data() + 3, length);
            racy_copy_from_shared(out.data() + 1, in.data() + offset, length);
            for (std::size_t i = 0; i < in.size(); ++i) {
                const bool copied = i >= offset && i < offset + length;
                ASSERT_EQ(in[i], copied ? from[i - offset + 3] : 0);
                ASSERT_EQ(out[i], i >= 1 && i < 1 + length ? from[i + 2] : 0);
            }
        }
    }
}

}  // namespace
}  // namespace tensorpool::base
