// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "control/message_cases.hpp"

#include "control/message_fields.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace tensorpool::test {
namespace {

template <typename Message>
Decoded decode(std::span<const std::byte> in) {
    Message message;
    Decoded decoded{control::decode(in, message), {}};
    if (decoded.result == control::DecodeResult::Ok) decoded.fields = fields_of(message);
    return decoded;
}

template <typename Message>
std::size_t encode(std::span<std::byte> out, const FieldMap& fields) {
    return control::encode(out, message_of<Message>(fields));
}

template <typename Message>
MessageCodec codec(std::string_view name) {
    return {name, decode<Message>, encode<Message>};
}

}  // namespace

const std::vector<MessageCodec>& message_codecs() {
    static const std::vector<MessageCodec> codecs{
        codec<control::PoolAnnounce>("ShmPoolAnnounce"),
        codec<control::ConsumerHello>("ConsumerHello"),
        codec<control::ConsumerConfig>("ConsumerConfig"),
        codec<control::FrameDescriptor>("FrameDescriptor"),
        codec<control::FrameProgress>("FrameProgress"),
        codec<control::QosConsumer>("QosConsumer"),
        codec<control::QosProducer>("QosProducer"),
        codec<control::DataSourceAnnounce>("DataSourceAnnounce"),
        codec<control::DataSourceMeta>("DataSourceMeta"),
        codec<control::ControlResponse>("ControlResponse"),
        codec<control::MetaBlobAnnounce>("MetaBlobAnnounce"),
        codec<control::MetaBlobChunk>("MetaBlobChunk"),
        codec<control::MetaBlobComplete>("MetaBlobComplete"),
        codec<control::AttachRequest>("ShmAttachRequest"),
        codec<control::AttachResponse>("ShmAttachResponse"),
        codec<control::DetachRequest>("ShmDetachRequest"),
        codec<control::DetachResponse>("ShmDetachResponse"),
        codec<control::LeaseKeepalive>("ShmLeaseKeepalive"),
        codec<control::DriverShutdown>("ShmDriverShutdown"),
        codec<control::LeaseRevoked>("ShmLeaseRevoked"),
        codec<control::DriverShutdownRequest>("ShmDriverShutdownRequest"),
        codec<control::SequenceMergeMapAnnounce>("SequenceMergeMapAnnounce"),
        codec<control::SequenceMergeMapRequest>("SequenceMergeMapRequest"),
        codec<control::TimestampMergeMapAnnounce>("TimestampMergeMapAnnounce"),
        codec<control::TimestampMergeMapRequest>("TimestampMergeMapRequest")};
    return codecs;
}

const MessageCodec& codec_of(std::string_view message) {
    const auto& codecs = message_codecs();
    const auto found = std::ranges::find(codecs, message, &MessageCodec::message);
    if (found == codecs.end()) throw std::runtime_error("no codec for " + std::string(message));
    return *found;
}

const std::vector<Golden>& message_vectors() {
    static const std::vector<Golden> vectors = [] {
        std::vector<Golden> found;
        for (const std::string_view folder : {"wire", "driver", "merge"}) {
            for (const std::string& name : golden_names(folder)) {
                Golden golden = load_golden(name);
                if (golden.has_message_header && golden.message != "TensorHeader") {
                    found.push_back(std::move(golden));
                }
            }
        }
        return found;
    }();
    return vectors;
}

Header header_of(const Golden& golden) {
    return {golden.block_length, golden.template_id, golden.schema_id, golden.version};
}

std::vector<std::byte> with_header(std::vector<std::byte> bytes, const Header& header) {
    static_assert(sizeof header == 8);
    if (bytes.size() >= sizeof header) std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

void put_u16(std::vector<std::byte>& bytes, std::size_t at, std::uint16_t value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

void put_u32(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace tensorpool::test
