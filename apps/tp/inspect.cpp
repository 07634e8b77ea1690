// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp inspect: looks at shared-memory regions, read-only, with nothing else running.

#include "base/racy_copy.hpp"
#include "common/choice.hpp"
#include "common/report.hpp"
#include "shm/path_policy.hpp"
#include "shm/region.hpp"
#include "shm/region_uri.hpp"
#include "shm/seqlock.hpp"
#include "shm/superblock.hpp"
#include "tp/commands.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <optional>

namespace tensorpool::apps {
namespace {

struct RegionOptions {
    std::string uri;
    std::vector<std::string> allow{"/dev/shm"};
    bool json = false;
    // read-header
    std::uint64_t index = 0;
    // shm-validate
    std::optional<std::uint32_t> layout_version, stream_id, nslots, slot_bytes, stride_bytes;
    std::optional<std::uint64_t> epoch;
    std::optional<std::uint16_t> pool_id;
    std::optional<wire::RegionType> region_type;
};

struct OpenRegion {
    shm::Region region;
    wire::Superblock superblock;
};

OpenRegion open_region(const RegionOptions& options) {
    const auto uri = shm::parse_region_uri(options.uri);
    if (!uri) throw Error(ErrorCode::InvalidArgument, "--uri: " + uri.error());
    try {
        // Nothing announced a size: the whole file is mapped, whatever it is.
        const shm::PathPolicy policy(options.allow);
        const std::uint64_t bytes =
            std::max<std::uint64_t>(policy.open(uri->path, false).size_bytes, wire::kSuperblockBytes);
        shm::Region region =
            shm::Region::open(uri->path, bytes, uri->require_hugepages, policy, shm::Access::ReadOnly, false);
        const wire::Superblock superblock = shm::read_superblock(region.base());
        return {std::move(region), superblock};
    } catch (const Error& error) {
        throw Error(error.code(), std::string("SHM error: ") + error.what());
    }
}

std::string_view name_of(wire::RegionType type) {
    switch (type) {
        case wire::RegionType::HeaderRing:
            return "HEADER_RING";
        case wire::RegionType::PayloadPool:
            return "PAYLOAD_POOL";
    }
    return "UNKNOWN";
}

Report report_of(const wire::Superblock& block) {
    // Copies: the fields of a packed struct cannot be bound to references.
    Report report;
    report["magic"] = fmt::format("0x{:016x}", std::uint64_t{block.magic});
    report["layout_version"] = std::uint32_t{block.layout_version};
    report["epoch"] = std::uint64_t{block.epoch};
    report["stream_id"] = std::uint32_t{block.stream_id};
    report["region_type"] = name_of(block.region_type);
    report["pool_id"] = std::uint16_t{block.pool_id};
    report["nslots"] = std::uint32_t{block.nslots};
    report["slot_bytes"] = std::uint32_t{block.slot_bytes};
    report["stride_bytes"] = std::uint32_t{block.stride_bytes};
    report["pid"] = std::uint64_t{block.pid};
    report["start_timestamp_ns"] = std::uint64_t{block.start_timestamp_ns};
    report["activity_timestamp_ns"] = std::uint64_t{block.activity_timestamp_ns};
    return report;
}

void require_magic(const OpenRegion& open) {
    if (open.superblock.magic == wire::kSuperblockMagic) return;
    throw Error(
        ErrorCode::ProtocolError,
        fmt::format("SHM error: {}: magic 0x{:016x}, expected 0x{:016x}; not a tensor pool region",
                    open.region.path(), std::uint64_t{open.superblock.magic}, wire::kSuperblockMagic));
}

ExitCode answer(bool yes, bool json) {
    if (json) {
        print_report({{"valid", yes}}, true);
    } else {
        std::puts(yes ? "true" : "false");
    }
    return yes ? ExitCode::Ok : ExitCode::Negative;
}

ExitCode run_validate_uri(RegionOptions& options) {
    const auto uri = shm::parse_region_uri(options.uri);
    if (!uri) std::fprintf(stderr, "tp validate-uri: %s\n", printable(uri.error()).c_str());
    return answer(uri.has_value(), options.json);
}

ExitCode run_read_superblock(RegionOptions& options) {
    const OpenRegion open = open_region(options);
    print_report(report_of(open.superblock), options.json);
    require_magic(open);
    return ExitCode::Ok;
}

ExitCode run_summary(RegionOptions& options) {
    const OpenRegion open = open_region(options);
    Report report = report_of(open.superblock);
    report["file_size"] = open.region.bytes();
    print_report(report, options.json);
    require_magic(open);
    return ExitCode::Ok;
}

ExitCode run_read_header(RegionOptions& options) {
    const OpenRegion open = open_region(options);
    require_magic(open);
    if (open.superblock.region_type != wire::RegionType::HeaderRing)
        throw Error(ErrorCode::ProtocolError,
                    fmt::format("SHM error: {}: a {}, not a HEADER_RING", open.region.path(),
                                name_of(open.superblock.region_type)));
    const std::uint64_t slots = (open.region.bytes() - wire::kSuperblockBytes) / wire::kHeaderSlotBytes;
    const std::uint64_t nslots = std::min<std::uint64_t>(slots, open.superblock.nslots);
    if (options.index >= nslots)
        throw UsageError(
            fmt::format("--index {}: valid is 0..{}", options.index, nslots == 0 ? 0 : nslots - 1));

    const std::byte* const live =
        open.region.base() + wire::kSuperblockBytes + options.index * wire::kHeaderSlotBytes;
    const std::uint64_t word = shm::seqlock_load(live);
    wire::HeaderSlot slot;
    base::racy_copy_from_shared(&slot, live, sizeof(slot));
    if (!shm::is_committed(word) || !shm::seqlock_unchanged(live, word)) {  // TX-10
        std::puts(options.json ? R"({"state":"unstable"})" : "unstable");
        return ExitCode::Negative;
    }
    if (slot.header_bytes_length != wire::kHeaderBytesLength ||
        slot.tensor_message.schema_id != wire::kControlSchemaId ||
        slot.tensor_message.template_id != wire::kTensorHeaderTemplateId)
        throw Error(ErrorCode::ProtocolError, fmt::format("SHM error: {}: slot {} holds no tensor header",
                                                          open.region.path(), options.index));
    Report report;
    report["seq_commit"] = word;
    report["seq"] = shm::seq_of(word);
    report["timestamp_ns"] = std::uint64_t{slot.slot.timestamp_ns};
    report["meta_version"] = std::uint32_t{slot.slot.meta_version};
    report["values_len_bytes"] = std::uint32_t{slot.slot.values_len_bytes};
    report["payload_slot"] = std::uint32_t{slot.slot.payload_slot};
    report["payload_offset"] = std::uint32_t{slot.slot.payload_offset};
    report["pool_id"] = std::uint16_t{slot.slot.pool_id};
    report["dtype"] = to_string(slot.tensor.dtype);
    report["major_order"] = to_string(slot.tensor.major_order);
    report["ndims"] = std::uint8_t{slot.tensor.ndims};
    print_report(report, options.json);
    return ExitCode::Ok;
}

ExitCode run_validate(RegionOptions& options) {
    const OpenRegion open = open_region(options);
    const wire::Superblock& block = open.superblock;
    std::string fault;
    const auto expect = [&](const char* what, auto actual, const auto& wanted) {
        if (wanted && *wanted != actual && fault.empty()) fault = what;
    };
    if (block.magic != wire::kSuperblockMagic) fault = "magic";
    if (fault.empty() && !std::has_single_bit(std::uint32_t{block.nslots}))
        fault = "nslots is not a power of two";
    expect("layout_version", std::uint32_t{block.layout_version}, options.layout_version);
    expect("epoch", std::uint64_t{block.epoch}, options.epoch);
    expect("stream_id", std::uint32_t{block.stream_id}, options.stream_id);
    expect("nslots", std::uint32_t{block.nslots}, options.nslots);
    expect("slot_bytes", std::uint32_t{block.slot_bytes}, options.slot_bytes);
    expect("stride_bytes", std::uint32_t{block.stride_bytes}, options.stride_bytes);
    expect("pool_id", std::uint16_t{block.pool_id}, options.pool_id);
    expect("region_type", wire::RegionType{block.region_type}, options.region_type);
    if (!fault.empty())
        std::fprintf(stderr, "tp shm-validate: %s: %s\n", open.region.path().c_str(), fault.c_str());
    return answer(fault.empty(), options.json);
}

void add_region(const cli::Command& command, RegionOptions& options) {
    command.add_option("--uri", options.uri, "region, for example shm:file?path=/dev/shm/.../header.ring")
        .required()
        .envname("TP_SHM_URI");
    command.add_option("--allow", options.allow, "directory that regions may lie in; repeatable")
        .capture_default_str();
    command.add_flag("--json", options.json, "one JSON object");
}

void add_expectations(const cli::Command& command, RegionOptions& options) {
    static const std::map<std::string, wire::RegionType> kTypes{{"header", wire::RegionType::HeaderRing},
                                                                {"payload", wire::RegionType::PayloadPool}};
    add_region(command, options);
    command.add_option("--layout-version", options.layout_version, "expected layout version");
    command.add_option("--epoch", options.epoch, "expected epoch");
    command.add_option("--stream-id", options.stream_id, "expected tensor stream");
    command.add_option("--nslots", options.nslots, "expected slots");
    command.add_option("--slot-bytes", options.slot_bytes, "expected bytes of a header slot");
    command.add_option("--stride-bytes", options.stride_bytes, "expected bytes of a payload slot");
    command.add_option("--pool-id", options.pool_id, "expected pool");
    add_choice(command, "--region-type", options.region_type, kTypes, "header or payload");
}

void add_all(const cli::Command& parent, Selection& selection) {
    add_command<RegionOptions>(
        parent, selection, "validate-uri",
        "Whether a region URI is well-formed.\n"
        "Example: tp inspect validate-uri --uri 'shm:file?path=/dev/shm/x/header.ring'",
        [](const cli::Command& command, RegionOptions& options) {
            command.add_option("--uri", options.uri, "what to look at").required().envname("TP_SHM_URI");
            command.add_flag("--json", options.json, "one JSON object");
        },
        run_validate_uri);
    add_command<RegionOptions>(parent, selection, "read-superblock",
                               "Print a region's superblock.\n"
                               "Example: tp inspect read-superblock --uri \"$HEADER_URI\" --json",
                               add_region, run_read_superblock);
    add_command<RegionOptions>(parent, selection, "shm-summary",
                               "Print a region's superblock and file size.\n"
                               "Example: tp inspect shm-summary --uri \"$POOL_URI\"",
                               add_region, run_summary);
    add_command<RegionOptions>(
        parent, selection, "read-header",
        "Print one slot of a header ring; `unstable` (exit 3) while it is being written.\n"
        "Example: tp inspect read-header --uri \"$HEADER_URI\" --index 0",
        [](const cli::Command& command, RegionOptions& options) {
            add_region(command, options);
            command.add_option("--index", options.index, "slot").required();
        },
        run_read_header);
    add_command<RegionOptions>(
        parent, selection, "shm-validate",
        "Whether a region's superblock holds the given values (exit 3: no).\n"
        "Example: tp inspect shm-validate --uri \"$HEADER_URI\" --stream-id 10000 --epoch 1",
        add_expectations, run_validate);
}

}  // namespace

void add_inspect_commands(const cli::Command& app, Selection& selection) {
    const cli::Command inspect = app.add_subcommand("inspect",
                                                    "Look at shared-memory regions, read-only.\n"
                                                    "Example: tp inspect shm-summary --uri \"$HEADER_URI\"");
    inspect.require_subcommand();
    add_all(inspect, selection);
    // The protocol's tool reference names them without a prefix; kept out of the help page.
    const cli::Command bare = app.add_hidden_group();
    add_all(bare, selection);
}

}  // namespace tensorpool::apps
