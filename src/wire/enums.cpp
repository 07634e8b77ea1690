// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/protocol_enums.hpp>
#include <tensorpool/tensor.hpp>

namespace tensorpool {

std::string_view to_string(Dtype value) noexcept {
    switch (value) {
        case Dtype::UInt8:
            return "UINT8";
        case Dtype::Int8:
            return "INT8";
        case Dtype::UInt16:
            return "UINT16";
        case Dtype::Int16:
            return "INT16";
        case Dtype::UInt32:
            return "UINT32";
        case Dtype::Int32:
            return "INT32";
        case Dtype::UInt64:
            return "UINT64";
        case Dtype::Int64:
            return "INT64";
        case Dtype::Float32:
            return "FLOAT32";
        case Dtype::Float64:
            return "FLOAT64";
        case Dtype::Boolean:
            return "BOOLEAN";
        case Dtype::Bytes:
            return "BYTES";
        case Dtype::Bit:
            return "BIT";
        case Dtype::Unknown:
            break;
    }
    return "UNKNOWN";
}

std::string_view to_string(MajorOrder value) noexcept {
    switch (value) {
        case MajorOrder::Row:
            return "ROW";
        case MajorOrder::Column:
            return "COLUMN";
        case MajorOrder::Unknown:
            break;
    }
    return "UNKNOWN";
}

std::string_view to_string(ProgressUnit value) noexcept {
    switch (value) {
        case ProgressUnit::None:
            return "NONE";
        case ProgressUnit::Rows:
            return "ROWS";
        case ProgressUnit::Columns:
            return "COLUMNS";
    }
    return "UNKNOWN";
}

std::string_view to_string(Role value) noexcept {
    switch (value) {
        case Role::Producer:
            return "PRODUCER";
        case Role::Consumer:
            return "CONSUMER";
    }
    return "UNKNOWN";
}

std::string_view to_string(PublishMode value) noexcept {
    switch (value) {
        case PublishMode::RequireExisting:
            return "REQUIRE_EXISTING";
        case PublishMode::ExistingOrCreate:
            return "EXISTING_OR_CREATE";
    }
    return "UNKNOWN";
}

std::string_view to_string(HugepagesPolicy value) noexcept {
    switch (value) {
        case HugepagesPolicy::Unspecified:
            return "UNSPECIFIED";
        case HugepagesPolicy::Standard:
            return "STANDARD";
        case HugepagesPolicy::Hugepages:
            return "HUGEPAGES";
    }
    return "UNKNOWN";
}

std::string_view to_string(ResponseCode value) noexcept {
    switch (value) {
        case ResponseCode::Ok:
            return "OK";
        case ResponseCode::Unsupported:
            return "UNSUPPORTED";
        case ResponseCode::InvalidParams:
            return "INVALID_PARAMS";
        case ResponseCode::Rejected:
            return "REJECTED";
        case ResponseCode::InternalError:
            return "INTERNAL_ERROR";
    }
    return "UNKNOWN";
}

std::string_view to_string(LeaseRevokeReason value) noexcept {
    switch (value) {
        case LeaseRevokeReason::Detached:
            return "DETACHED";
        case LeaseRevokeReason::Expired:
            return "EXPIRED";
        case LeaseRevokeReason::Revoked:
            return "REVOKED";
    }
    return "UNKNOWN";
}

std::string_view to_string(ShutdownReason value) noexcept {
    switch (value) {
        case ShutdownReason::Normal:
            return "NORMAL";
        case ShutdownReason::Admin:
            return "ADMIN";
        case ShutdownReason::Error:
            return "ERROR";
    }
    return "UNKNOWN";
}

std::string_view to_string(ClockDomain value) noexcept {
    switch (value) {
        case ClockDomain::Monotonic:
            return "MONOTONIC";
        case ClockDomain::RealtimeSynced:
            return "REALTIME_SYNCED";
    }
    return "UNKNOWN";
}

std::string_view to_string(Mode value) noexcept {
    switch (value) {
        case Mode::Stream:
            return "STREAM";
        case Mode::RateLimited:
            return "RATE_LIMITED";
    }
    return "UNKNOWN";
}

std::string_view to_string(FrameProgressState value) noexcept {
    switch (value) {
        case FrameProgressState::Started:
            return "STARTED";
        case FrameProgressState::Progress:
            return "PROGRESS";
        case FrameProgressState::Complete:
            return "COMPLETE";
        case FrameProgressState::Unknown:
            break;
    }
    return "UNKNOWN";
}

}  // namespace tensorpool
