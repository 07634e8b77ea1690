// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/strides.hpp"

#include "support/rounds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <iostream>
#include <limits>
#include <random>
#include <vector>

namespace tensorpool::shm {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

TensorLayout tensor(Dtype dtype, MajorOrder order, std::initializer_list<std::int32_t> dims,
                    std::initializer_list<std::int32_t> strides = {}) {
    TensorLayout layout;
    layout.dtype = dtype;
    layout.major_order = order;
    layout.ndims = static_cast<std::uint8_t>(dims.size());
    std::copy(dims.begin(), dims.end(), layout.dims.begin());
    std::copy(strides.begin(), strides.end(), layout.strides.begin());
    return layout;
}

struct Resolved {
    LayoutFault fault;
    std::vector<std::int32_t> strides;  ///< of the dimensions there are
    std::uint64_t extent_bytes;
};

Resolved resolve(TensorLayout layout) {
    std::uint64_t extent = 0;
    const LayoutFault fault = resolve_layout(layout, extent);
    return {fault, {layout.strides.begin(), layout.strides.begin() + std::min<int>(layout.ndims, 8)}, extent};
}

using Strides = std::vector<std::int32_t>;

// spec: WIRE-049 WIRE-052
TEST(StridesTest, RowMajorIsInferredFromTheLastDimensionOutwards) {
    const Resolved image = resolve(tensor(Dtype::UInt16, MajorOrder::Row, {480, 640, 3}));
    EXPECT_EQ(image.fault, LayoutFault::None);
    EXPECT_EQ(image.strides, (Strides{3840, 6, 2}));
    EXPECT_EQ(image.extent_bytes, 480U * 640 * 3 * 2);
    EXPECT_EQ(resolve(tensor(Dtype::Float64, MajorOrder::Row, {7})).strides, Strides{8});
}

// spec: WIRE-049
TEST(StridesTest, ColumnMajorIsInferredFromTheFirstDimensionOnwards) {
    const Resolved image = resolve(tensor(Dtype::Float32, MajorOrder::Column, {480, 640, 3}));
    EXPECT_EQ(image.fault, LayoutFault::None);
    EXPECT_EQ(image.strides, (Strides{4, 1920, 1228800}));
    EXPECT_EQ(image.extent_bytes, 480U * 640 * 3 * 4);
}

// spec: WIRE-049
TEST(StridesTest, GivenStridesArePaddingAndMissingOnesGoOnFromThem) {
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {480, 600}, {640, 0})).strides,
              (Strides{640, 1}));
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {4, 480, 600}, {0, 640, 1})).strides,
              (Strides{640 * 480, 640, 1}));
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {480, 600}, {0, 2})).strides, (Strides{1200, 2}))
        << "every second byte";
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Column, {600, 480}, {0, 640})).strides,
              (Strides{1, 640}));
}

// spec: WIRE-054
TEST(StridesTest, TheExtentEndsWithTheLastElementAndNotWithItsPadding) {
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {480, 600}, {640, 1})).extent_bytes,
              479U * 640 + 600);
    EXPECT_EQ(resolve(tensor(Dtype::UInt32, MajorOrder::Row, {3}, {100})).extent_bytes, 204U);
    EXPECT_EQ(resolve(tensor(Dtype::UInt32, MajorOrder::Row, {1}, {100})).extent_bytes, 4U);
}

TEST(StridesTest, EveryKnownElementTypeHasItsSize) {
    for (int dtype = 1; dtype <= 14; ++dtype) {
        if (dtype == 12) continue;
        const Resolved one = resolve(tensor(static_cast<Dtype>(dtype), MajorOrder::Row, {5}));
        EXPECT_EQ(one.fault, LayoutFault::None);
        EXPECT_EQ(one.strides[0], static_cast<std::int32_t>(element_size(static_cast<Dtype>(dtype))))
            << dtype;
    }
}

// spec: WIRE-048
TEST(StridesTest, UnknownElementTypesAreRefused) {
    for (const int dtype : {0, 12, 15, 255, -1, -32768, 32767}) {
        EXPECT_EQ(resolve(tensor(static_cast<Dtype>(dtype), MajorOrder::Row, {5})).fault,
                  LayoutFault::BadDtype)
            << dtype;
    }
}

// spec: WIRE-048
TEST(StridesTest, UnknownOrdersAreRefused) {
    for (const int order : {0, 3, 255, -1, -32768, 32767}) {
        EXPECT_EQ(resolve(tensor(Dtype::UInt8, static_cast<MajorOrder>(order), {5})).fault,
                  LayoutFault::BadMajorOrder)
            << order;
    }
}

// spec: WIRE-046
TEST(StridesTest, OneToEightDimensionsAreTaken) {
    TensorLayout layout = tensor(Dtype::UInt8, MajorOrder::Row, {2, 2, 2, 2, 2, 2, 2, 2});
    for (int ndims = 0; ndims < 256; ++ndims) {
        layout.ndims = static_cast<std::uint8_t>(ndims);
        EXPECT_EQ(resolve(layout).fault, ndims >= 1 && ndims <= 8 ? LayoutFault::None : LayoutFault::BadNdims)
            << ndims;
    }
}

// spec: WIRE-047
TEST(StridesTest, EntriesBehindTheLastDimensionAreIgnoredAndBecomeZero) {
    TensorLayout layout = tensor(Dtype::UInt8, MajorOrder::Row, {4, 5, -7, 1 << 30}, {0, 0, -1, 3});
    layout.ndims = 2;
    std::uint64_t extent = 0;
    ASSERT_EQ(resolve_layout(layout, extent), LayoutFault::None);
    EXPECT_EQ(extent, 20U);
    EXPECT_TRUE(
        std::all_of(layout.dims.begin() + 2, layout.dims.end(), [](std::int32_t v) { return v == 0; }));
    EXPECT_TRUE(
        std::all_of(layout.strides.begin() + 2, layout.strides.end(), [](std::int32_t v) { return v == 0; }));
}

// spec: WIRE-050
TEST(StridesTest, NegativeDimensionsAndStridesAreRefused) {
    for (const std::int32_t value : {-1, std::numeric_limits<std::int32_t>::min()}) {
        for (std::size_t at = 0; at < 3; ++at) {
            TensorLayout layout = tensor(Dtype::UInt8, MajorOrder::Row, {2, 3, 4});
            layout.dims[at] = value;
            EXPECT_EQ(resolve(layout).fault, LayoutFault::NegativeDim) << at;
            layout = tensor(Dtype::UInt8, MajorOrder::Column, {2, 3, 4});
            layout.strides[at] = value;
            EXPECT_EQ(resolve(layout).fault, LayoutFault::NegativeStride) << at;
        }
    }
}

// spec: WIRE-051
TEST(StridesTest, StridesThatOverlapAreRefused) {
    const auto row = [](std::initializer_list<std::int32_t> dims,
                        std::initializer_list<std::int32_t> strides) {
        return resolve(tensor(Dtype::UInt32, MajorOrder::Row, dims, strides)).fault;
    };
    EXPECT_EQ(row({3}, {3}), LayoutFault::Overlap) << "less than one element apart";
    EXPECT_EQ(row({3}, {4}), LayoutFault::None);
    EXPECT_EQ(row({3, 5}, {19, 4}), LayoutFault::Overlap) << "rows share a byte";
    EXPECT_EQ(row({3, 5}, {20, 4}), LayoutFault::None);
    EXPECT_EQ(row({3, 5}, {20, 5}), LayoutFault::Overlap);
    EXPECT_EQ(row({2, 3, 5}, {59, 0, 0}), LayoutFault::Overlap);
    EXPECT_EQ(row({2, 3, 5}, {60, 0, 0}), LayoutFault::None);
}

// spec: WIRE-051
TEST(StridesTest, StridesThatContradictTheOrderAreRefused) {
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {3, 5}, {1, 3})).fault, LayoutFault::Overlap);
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Column, {3, 5}, {5, 1})).fault, LayoutFault::Overlap);
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Column, {3, 5}, {1, 3})).fault, LayoutFault::None);
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {3, 5}, {5, 1})).fault, LayoutFault::None);
}

// spec: WIRE-049 WIRE-054
TEST(StridesTest, AnEmptyDimensionMakesAnEmptyTensorWithStridesAsIfItWereOne) {
    const Resolved empty = resolve(tensor(Dtype::UInt16, MajorOrder::Row, {4, 0, 3}));
    EXPECT_EQ(empty.fault, LayoutFault::None);
    EXPECT_EQ(empty.extent_bytes, 0U);
    EXPECT_EQ(empty.strides, (Strides{6, 6, 2}));
    EXPECT_EQ(resolve(tensor(Dtype::UInt16, MajorOrder::Row, {0}, {1})).fault, LayoutFault::Overlap)
        << "an empty tensor keeps the rules";
}

// spec: WIRE-054
TEST(StridesTest, ShapesThatOverflow32BitsAreComputedIn64OrRefused) {
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {kMost, kMost})).fault, LayoutFault::None)
        << "the outer stride still fits";
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {kMost, kMost})).extent_bytes,
              static_cast<std::uint64_t>(kMost) * kMost);
    EXPECT_EQ(resolve(tensor(Dtype::UInt16, MajorOrder::Row, {2, 1 << 30})).fault, LayoutFault::TooLarge);
    EXPECT_EQ(resolve(tensor(Dtype::UInt8, MajorOrder::Row, {2, 2, 1 << 30})).fault, LayoutFault::TooLarge);
    EXPECT_EQ(resolve(tensor(Dtype::Float64, MajorOrder::Column, {kMost, 2})).fault, LayoutFault::TooLarge);
    const TensorLayout eight =
        tensor(Dtype::Float64, MajorOrder::Row, {kMost, kMost, kMost, kMost, kMost, kMost, kMost, kMost});
    EXPECT_EQ(resolve(eight).fault, LayoutFault::TooLarge);
    TensorLayout given = eight;
    given.strides.fill(kMost);
    EXPECT_EQ(resolve(given).fault, LayoutFault::Overlap);
}

// spec: WIRE-054
TEST(StridesTest, ALargeTensorOfGivenStridesHasItsExtentIn64Bits) {
    const Resolved large = resolve(tensor(Dtype::UInt64, MajorOrder::Row, {kMost}, {kMost}));
    EXPECT_EQ(large.fault, LayoutFault::None);
    EXPECT_EQ(large.extent_bytes, static_cast<std::uint64_t>(kMost - 1) * kMost + 8);
}

// spec: WIRE-053 WIRE-110
TEST(ProgressStrideTest, MustBeTheRowOrColumnStrideWhenAUnitIsSet) {
    const auto fault = [](ProgressUnit unit, std::uint32_t stride, TensorLayout layout) {
        layout.progress_unit = unit;
        layout.progress_stride_bytes = stride;
        return resolve(layout).fault;
    };
    const TensorLayout image = tensor(Dtype::UInt16, MajorOrder::Row, {480, 640});
    EXPECT_EQ(fault(ProgressUnit::Rows, 1280, image), LayoutFault::None) << "inferred";
    EXPECT_EQ(fault(ProgressUnit::Rows, 1300, tensor(Dtype::UInt16, MajorOrder::Row, {480, 640}, {1300, 2})),
              LayoutFault::None)
        << "explicit";
    EXPECT_EQ(fault(ProgressUnit::Columns, 2, image), LayoutFault::None);
    for (const std::uint32_t wrong : {0U, 1U, 2U, 1279U, 1281U, 0xFFFFFFFFU, 0x80000500U}) {
        EXPECT_EQ(fault(ProgressUnit::Rows, wrong, image), LayoutFault::BadProgress) << wrong;
    }
    for (const std::uint32_t wrong : {0U, 1U, 1280U}) {
        EXPECT_EQ(fault(ProgressUnit::Columns, wrong, image), LayoutFault::BadProgress) << wrong;
    }
    const TensorLayout line = tensor(Dtype::UInt8, MajorOrder::Row, {640});
    EXPECT_EQ(fault(ProgressUnit::Rows, 1, line), LayoutFault::None);
    EXPECT_EQ(fault(ProgressUnit::Columns, 1, line), LayoutFault::BadProgress) << "there are no columns";
    EXPECT_EQ(fault(ProgressUnit::Columns, 0, line), LayoutFault::BadProgress);
}

// spec: WIRE-053
TEST(ProgressStrideTest, IsNotLookedAtWithoutAUnit) {
    TensorLayout layout = tensor(Dtype::UInt8, MajorOrder::Row, {4, 5});
    for (const std::uint32_t stride : {0U, 1U, 77U, 0xFFFFFFFFU}) {
        layout.progress_stride_bytes = stride;
        EXPECT_EQ(resolve(layout).fault, LayoutFault::None) << stride;
    }
}

// spec: WIRE-048
TEST(ProgressStrideTest, AnUnknownUnitIsRefused) {
    TensorLayout layout = tensor(Dtype::UInt8, MajorOrder::Row, {4, 5});
    for (int unit = 3; unit < 256; ++unit) {
        layout.progress_unit = static_cast<ProgressUnit>(unit);
        layout.progress_stride_bytes = 5;
        EXPECT_EQ(resolve(layout).fault, LayoutFault::BadProgressUnit) << unit;
    }
}

TEST(LayoutFaultTest, EveryFaultNamesItsRule) {
    for (int fault = 0; fault <= static_cast<int>(LayoutFault::BeyondValues); ++fault) {
        const std::string_view text = to_string(static_cast<LayoutFault>(fault));
        const bool has_rule = text.find("(WIRE-0") != std::string_view::npos;
        const bool has_none = fault == 0 || static_cast<LayoutFault>(fault) == LayoutFault::TooLarge;
        EXPECT_EQ(has_rule, !has_none) << text;
        EXPECT_NE(text, "unknown fault");
    }
    EXPECT_EQ(to_string(static_cast<LayoutFault>(99)), "unknown fault");
}

/// Lists the first byte of every element, by the definition of strides.
std::vector<std::uint64_t> element_offsets(const TensorLayout& layout) {
    std::vector<std::uint64_t> offsets{0};
    for (std::uint8_t k = 0; k < layout.ndims; ++k) {
        std::vector<std::uint64_t> next;
        for (const std::uint64_t offset : offsets) {
            for (std::int32_t i = 0; i < layout.dims[k]; ++i) {
                next.push_back(offset +
                               static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(layout.strides[k]));
            }
        }
        offsets = std::move(next);
    }
    std::sort(offsets.begin(), offsets.end());
    return offsets;
}

// spec: WIRE-049 WIRE-051 WIRE-054
TEST(StridesTest, WhatIsAcceptedOverlapsNowhereAndEndsWhereItSays) {
    const unsigned seed = std::random_device{}();
    std::cout << "seed " << seed << "\n";
    std::mt19937 random(seed);
    int accepted = 0;
    for (int round = 0; round < test::rounds(20'000); ++round) {
        TensorLayout layout;
        layout.dtype = static_cast<Dtype>(random() % 15);
        layout.major_order = static_cast<MajorOrder>(1 + random() % 2);
        layout.ndims = static_cast<std::uint8_t>(1 + random() % 4);
        for (std::uint8_t k = 0; k < layout.ndims; ++k) {
            layout.dims[k] = static_cast<std::int32_t>(random() % 5);
            layout.strides[k] = random() % 2 == 0 ? 0 : static_cast<std::int32_t>(random() % 200);
        }
        const TensorLayout asked = layout;
        std::uint64_t extent = 0;
        if (resolve_layout(layout, extent) != LayoutFault::None) continue;
        ++accepted;
        const auto offsets = element_offsets(layout);
        const std::uint32_t element = element_size(layout.dtype);
        ASSERT_EQ(extent, offsets.empty() ? 0 : offsets.back() + element);
        for (std::size_t i = 1; i < offsets.size(); ++i) ASSERT_GE(offsets[i] - offsets[i - 1], element);
        for (std::uint8_t k = 0; k < layout.ndims; ++k) {
            ASSERT_EQ(layout.dims[k], asked.dims[k]);
            const bool kept = layout.strides[k] == asked.strides[k];
            ASSERT_TRUE(asked.strides[k] == 0 || kept) << "explicit strides stay";
        }
        std::uint64_t again = 0;
        TensorLayout resolved = layout;
        ASSERT_EQ(resolve_layout(resolved, again), LayoutFault::None)
            << "a resolved layout resolves to itself";
        ASSERT_EQ(resolved.strides, layout.strides);
        ASSERT_EQ(again, extent);
    }
    EXPECT_GT(accepted, 100);
}

// spec: WIRE-045 WIRE-054
TEST(StridesTest, ArbitraryBytesOfATornHeaderAreRefusedOrBounded) {
    const unsigned seed = std::random_device{}();
    std::cout << "seed " << seed << "\n";
    std::mt19937 random(seed);
    for (int round = 0; round < test::rounds(200'000); ++round) {
        TensorLayout layout;
        layout.dtype = static_cast<Dtype>(random() % 16);
        layout.major_order = static_cast<MajorOrder>(random() % 4);
        layout.ndims = static_cast<std::uint8_t>(random() % 10);
        layout.progress_unit = static_cast<ProgressUnit>(random() % 4);
        layout.progress_stride_bytes = static_cast<std::uint32_t>(random());
        for (std::size_t k = 0; k < 8; ++k) {
            layout.dims[k] = static_cast<std::int32_t>(random() >> (random() % 32));
            layout.strides[k] = static_cast<std::int32_t>(random() >> (random() % 32));
        }
        std::uint64_t extent = 0;
        if (resolve_layout(layout, extent) != LayoutFault::None) continue;
        ASSERT_LT(extent, std::uint64_t{1} << 63);
        for (std::uint8_t k = 0; k < layout.ndims; ++k) ASSERT_GT(layout.strides[k], 0);
    }
}

}  // namespace
}  // namespace tensorpool::shm
