// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/protocol_enums.hpp>
#include <tensorpool/tensor.hpp>

#include "wire/shm_records.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tensorpool {
namespace {

/// Holds an enumeration to its stored type and to the values and spellings of the protocol; any other value
/// must read "UNKNOWN".
template <typename Stored, typename Enum>
void expect_spellings(const std::vector<std::pair<Enum, std::string_view>>& known, Stored first_number) {
    static_assert(std::is_same_v<std::underlying_type_t<Enum>, Stored>);
    Stored number = first_number;
    for (const auto& [value, text] : known) {
        EXPECT_EQ(static_cast<Stored>(value), number) << text;
        EXPECT_EQ(to_string(value), text);
        ++number;
    }
    EXPECT_EQ(to_string(static_cast<Enum>(number)), "UNKNOWN") << "one past the last";
    EXPECT_EQ(to_string(static_cast<Enum>(first_number - 1)), "UNKNOWN") << "one before the first";
    EXPECT_EQ(to_string(static_cast<Enum>(std::is_signed_v<Stored> ? std::numeric_limits<Stored>::min()
                                                                   : std::numeric_limits<Stored>::max())),
              "UNKNOWN")
        << "the codec's null";
}

// spec: WIRE-009
TEST(EnumTest, ControlEnumerationsHaveTheProtocolsNumbersAndSpelling) {
    expect_spellings<std::uint8_t, Mode>({{Mode::Stream, "STREAM"}, {Mode::RateLimited, "RATE_LIMITED"}}, 1);
    expect_spellings<std::uint8_t, FrameProgressState>({{FrameProgressState::Unknown, "UNKNOWN"},
                                                        {FrameProgressState::Started, "STARTED"},
                                                        {FrameProgressState::Progress, "PROGRESS"},
                                                        {FrameProgressState::Complete, "COMPLETE"}},
                                                       0);
    expect_spellings<std::uint8_t, ClockDomain>(
        {{ClockDomain::Monotonic, "MONOTONIC"}, {ClockDomain::RealtimeSynced, "REALTIME_SYNCED"}}, 1);
    expect_spellings<std::int32_t, ResponseCode>({{ResponseCode::Ok, "OK"},
                                                  {ResponseCode::Unsupported, "UNSUPPORTED"},
                                                  {ResponseCode::InvalidParams, "INVALID_PARAMS"},
                                                  {ResponseCode::Rejected, "REJECTED"},
                                                  {ResponseCode::InternalError, "INTERNAL_ERROR"}},
                                                 0);
}

// spec: DRV-058
TEST(EnumTest, DriverEnumerationsHaveTheProtocolsNumbersAndSpelling) {
    expect_spellings<std::uint8_t, Role>({{Role::Producer, "PRODUCER"}, {Role::Consumer, "CONSUMER"}}, 1);
    expect_spellings<std::uint8_t, PublishMode>({{PublishMode::RequireExisting, "REQUIRE_EXISTING"},
                                                 {PublishMode::ExistingOrCreate, "EXISTING_OR_CREATE"}},
                                                1);
    expect_spellings<std::uint8_t, HugepagesPolicy>({{HugepagesPolicy::Unspecified, "UNSPECIFIED"},
                                                     {HugepagesPolicy::Standard, "STANDARD"},
                                                     {HugepagesPolicy::Hugepages, "HUGEPAGES"}},
                                                    0);
    expect_spellings<std::uint8_t, LeaseRevokeReason>({{LeaseRevokeReason::Detached, "DETACHED"},
                                                       {LeaseRevokeReason::Expired, "EXPIRED"},
                                                       {LeaseRevokeReason::Revoked, "REVOKED"}},
                                                      1);
    expect_spellings<std::uint8_t, ShutdownReason>({{ShutdownReason::Normal, "NORMAL"},
                                                    {ShutdownReason::Admin, "ADMIN"},
                                                    {ShutdownReason::Error, "ERROR"}},
                                                   0);
}

// spec: WIRE-010
TEST(EnumTest, TensorEnumerationsKeepTheirNumbersForEver) {
    expect_spellings<std::int16_t, Dtype>({{Dtype::Unknown, "UNKNOWN"},
                                           {Dtype::UInt8, "UINT8"},
                                           {Dtype::Int8, "INT8"},
                                           {Dtype::UInt16, "UINT16"},
                                           {Dtype::Int16, "INT16"},
                                           {Dtype::UInt32, "UINT32"},
                                           {Dtype::Int32, "INT32"},
                                           {Dtype::UInt64, "UINT64"},
                                           {Dtype::Int64, "INT64"},
                                           {Dtype::Float32, "FLOAT32"},
                                           {Dtype::Float64, "FLOAT64"},
                                           {Dtype::Boolean, "BOOLEAN"}},
                                          0);
    EXPECT_EQ(to_string(static_cast<Dtype>(12)), "UNKNOWN") << "retired numbers are not reused";
    expect_spellings<std::int16_t, Dtype>({{Dtype::Bytes, "BYTES"}, {Dtype::Bit, "BIT"}}, 13);
    expect_spellings<std::int16_t, MajorOrder>(
        {{MajorOrder::Unknown, "UNKNOWN"}, {MajorOrder::Row, "ROW"}, {MajorOrder::Column, "COLUMN"}}, 0);
    expect_spellings<std::uint8_t, ProgressUnit>(
        {{ProgressUnit::None, "NONE"}, {ProgressUnit::Rows, "ROWS"}, {ProgressUnit::Columns, "COLUMNS"}}, 0);
    static_assert(std::is_same_v<std::underlying_type_t<wire::RegionType>, std::int16_t>);
    EXPECT_EQ(static_cast<int>(wire::RegionType::HeaderRing), 1);
    EXPECT_EQ(static_cast<int>(wire::RegionType::PayloadPool), 2);
}

TEST(EnumTest, ElementSizesFollowTheTypeAndAreOneForBitAndBytes) {
    const std::vector<std::pair<Dtype, std::uint32_t>> sizes{
        {Dtype::UInt8, 1},  {Dtype::Int8, 1},  {Dtype::Boolean, 1}, {Dtype::Bytes, 1},   {Dtype::Bit, 1},
        {Dtype::UInt16, 2}, {Dtype::Int16, 2}, {Dtype::UInt32, 4},  {Dtype::Int32, 4},   {Dtype::Float32, 4},
        {Dtype::UInt64, 8}, {Dtype::Int64, 8}, {Dtype::Float64, 8}, {Dtype::Unknown, 0}, {Dtype(12), 0},
        {Dtype(15), 0},     {Dtype(-1), 0}};
    for (const auto& [dtype, size] : sizes) EXPECT_EQ(element_size(dtype), size) << static_cast<int>(dtype);
}

}  // namespace
}  // namespace tensorpool
