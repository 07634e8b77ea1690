// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/shm_records.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

// Cursors over one message: header, block, groups, var data, in that order. No allocation, no exception;
// errors are sticky, so a caller checks once at the end.
namespace tensorpool::wire {

/// Largest var data a field may have (wire.md section 2).
inline constexpr std::uint32_t kMaxVarDataBytes = 1'073'741'824;

struct GroupHeader {
    std::uint16_t block_length;
    std::uint16_t num_in_group;
};
static_assert(sizeof(GroupHeader) == 4);

/// Writes a message into a buffer. Once something did not fit, ok() is false and nothing more is written.
class Encoder {
public:
    explicit Encoder(std::span<std::byte> out) noexcept : out_(out) {}

    template <typename Block>
    void message(const Block& block) noexcept {
        put(MessageHeader{Block::kBlockLength, Block::kTemplateId, Block::kSchemaId, kControlSchemaVersion});
        put(block);
    }
    void group(std::uint16_t block_length, std::size_t entries) noexcept {
        if (entries > UINT16_MAX) {
            ok_ = false;
            return;
        }
        put(GroupHeader{block_length, static_cast<std::uint16_t>(entries)});
    }
    template <typename Entry>
    void entry(const Entry& entry) noexcept {
        put(entry);
    }
    void var_data(std::string_view bytes) noexcept {
        if (bytes.size() > kMaxVarDataBytes) {
            ok_ = false;
            return;
        }
        put(static_cast<std::uint32_t>(bytes.size()));
        put_bytes(bytes.data(), bytes.size());
    }

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] std::size_t size() const noexcept { return at_; }

private:
    template <typename T>
    void put(const T& value) noexcept {
        static_assert(std::is_trivially_copyable_v<T>);
        put_bytes(&value, sizeof value);
    }
    void put_bytes(const void* from, std::size_t bytes) noexcept {
        if (!ok_ || bytes > out_.size() - at_) {
            ok_ = false;
            return;
        }
        if (bytes > 0) std::memcpy(out_.data() + at_, from, bytes);
        at_ += bytes;
    }

    std::span<std::byte> out_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

/// Why a message was not understood.
enum class DecodeError : std::uint8_t {
    None,
    Truncated,   ///< shorter than its own header, block, group or var data says
    NotOurs,     ///< another schema or template: skip silently (WIRE-003, WIRE-004)
    TooNew,      ///< a version above the one we know (DRV-016)
    ShortBlock,  ///< block length below ours, or another where it must be ours: malformed (TRP-36, JT-09)
    TooLong,     ///< var data beyond what the schema allows
};

/// The message header, when there is room for one.
[[nodiscard]] inline bool peek_header(std::span<const std::byte> in, MessageHeader& header) noexcept {
    if (in.size() < sizeof header) return false;
    std::memcpy(&header, in.data(), sizeof header);
    return true;
}

/// Reads a hostile message. Every length is checked before it is used; views point into the caller's buffer.
class Decoder {
public:
    explicit Decoder(std::span<const std::byte> in) noexcept : in_(in) {}

    /// Gates on schema, template and version, then copies the block and skips whatever a newer sender put
    /// behind it, by the sender's own blockLength (WIRE-003, WIRE-006).
    template <typename Block>
    [[nodiscard]] bool message(Block& block) noexcept {
        MessageHeader header;
        if (!take(header)) return false;
        if (header.schema_id != Block::kSchemaId || header.template_id != Block::kTemplateId) {
            return fail(DecodeError::NotOurs);
        }
        if (header.version > kControlSchemaVersion) return fail(DecodeError::TooNew);
        return take_padded(block, header.block_length);
    }
    /// Like message(), for schemas that are read only as version 1 has them: every other version, and a block
    /// of another length, is refused (JT-09).
    template <typename Block>
    [[nodiscard]] bool message_of_version_1(Block& block) noexcept {
        MessageHeader header;
        if (peek_header(in_, header) && header.schema_id == Block::kSchemaId &&
            header.template_id == Block::kTemplateId && header.version <= kControlSchemaVersion &&
            (header.version != 1 || header.block_length != Block::kBlockLength)) {
            return fail(DecodeError::ShortBlock);
        }
        return message(block);
    }
    /// Like message(), for a peer of any later version: only what version 1 defines is read.
    template <typename Block>
    [[nodiscard]] bool message_of_any_version(Block& block, std::uint16_t& version) noexcept {
        MessageHeader header;
        if (!take(header)) return false;
        if (header.schema_id != Block::kSchemaId || header.template_id != Block::kTemplateId) {
            return fail(DecodeError::NotOurs);
        }
        version = header.version;
        return take_padded(block, header.block_length);
    }
    [[nodiscard]] bool group(GroupHeader& group) noexcept { return take(group); }
    template <typename Entry>
    [[nodiscard]] bool entry(Entry& entry, std::uint16_t block_length) noexcept {
        return take_padded(entry, block_length);
    }
    /// For entries that are var data only: skips a block a newer sender may have added.
    [[nodiscard]] bool skip(std::size_t bytes) noexcept {
        if (bytes > remaining()) return fail(DecodeError::Truncated);
        at_ += bytes;
        return true;
    }
    [[nodiscard]] bool var_data(std::string_view& bytes) noexcept {
        std::uint32_t length = 0;
        if (!take(length)) return false;
        if (length > kMaxVarDataBytes) return fail(DecodeError::TooLong);
        if (length > remaining()) return fail(DecodeError::Truncated);
        bytes = {reinterpret_cast<const char*>(in_.data() + at_), length};
        at_ += length;
        return true;
    }

    [[nodiscard]] DecodeError error() const noexcept { return error_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return in_.size() - at_; }

private:
    bool fail(DecodeError error) noexcept {
        error_ = error;
        return false;
    }
    template <typename T>
    bool take(T& value) noexcept {
        if (sizeof value > remaining()) return fail(DecodeError::Truncated);
        std::memcpy(&value, in_.data() + at_, sizeof value);
        at_ += sizeof value;
        return true;
    }
    template <typename T>
    bool take_padded(T& value, std::uint16_t length) noexcept {
        if (length < sizeof value) return fail(DecodeError::ShortBlock);
        if (length > remaining()) return fail(DecodeError::Truncated);
        std::memcpy(&value, in_.data() + at_, sizeof value);
        at_ += length;
        return true;
    }

    std::span<const std::byte> in_;
    std::size_t at_ = 0;
    DecodeError error_ = DecodeError::None;
};

}  // namespace tensorpool::wire
