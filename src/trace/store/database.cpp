// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "trace/store/database.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

namespace tensorpool::trace {
namespace {

// "TPLN", in the file's header: what keeps us from writing into somebody else's database.
constexpr std::uint64_t kApplicationId = 0x54504C4E;
constexpr std::uint64_t kVersion = 1;

// trace.md section 5, and which windows are done. The numbers are those above.
constexpr const char* kTables = R"sql(
CREATE TABLE frames(
  stream_id INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, stage_id INTEGER NOT NULL,
  t_ns INTEGER NOT NULL, trace_id INTEGER NOT NULL, status INTEGER NOT NULL,
  PRIMARY KEY(stream_id, epoch, seq)) WITHOUT ROWID;
CREATE INDEX frames_trace_idx ON frames(trace_id);
CREATE TABLE trace_links(
  trace_id INTEGER NOT NULL, parent_trace_id INTEGER NOT NULL,
  PRIMARY KEY(trace_id, parent_trace_id)) WITHOUT ROWID;
CREATE INDEX trace_links_parent_idx ON trace_links(parent_trace_id);
CREATE TABLE trace_windows(
  trace_id INTEGER NOT NULL, in_stream_id INTEGER NOT NULL, epoch INTEGER NOT NULL,
  seq_start INTEGER, seq_end INTEGER, t_start_ns INTEGER, t_end_ns INTEGER,
  PRIMARY KEY(trace_id, in_stream_id)) WITHOUT ROWID;
CREATE INDEX trace_windows_stream_idx ON trace_windows(in_stream_id, epoch);
CREATE TABLE trace_nodes(
  node_id INTEGER NOT NULL, process_id INTEGER NOT NULL, start_time INTEGER NOT NULL,
  PRIMARY KEY(node_id, process_id, start_time)) WITHOUT ROWID;
CREATE TABLE trace_windows_expanded(
  trace_id INTEGER NOT NULL, in_stream_id INTEGER NOT NULL,
  PRIMARY KEY(trace_id, in_stream_id)) WITHOUT ROWID;
PRAGMA application_id = 1414548558;
PRAGMA user_version = 1;
)sql";
static_assert(kApplicationId == 1414548558);

ErrorCode code_of(int sqlite_code) noexcept {
    switch (sqlite_code & 0xff) {
        case SQLITE_FULL:
            return ErrorCode::NoSpace;
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_AUTH:
        case SQLITE_NOTADB:  // the file's type forbids it
        case SQLITE_CORRUPT:
            return ErrorCode::AccessDenied;
        case SQLITE_CANTOPEN:
            return ErrorCode::NotFound;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return ErrorCode::Timeout;
        default:
            return ErrorCode::SystemError;
    }
}

[[noreturn]] void fail(sqlite3* database, int code, const std::string& path, std::string_view what) {
    const char* const text = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    throw Error(code_of(code), fmt::format("{}: {}: {}", path, what, text));
}

}  // namespace

// ---- statements -------------------------------------------------------------------------------------------

Statement::Statement(sqlite3* database, const std::string& path, std::string_view sql)
    : database_(database), path_(&path) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    statement_.reset(statement);
    check(code, "cannot prepare a statement");
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
    sqlite3_finalize(statement);
}

void Statement::check(int code, const char* what) const {
    if (code != SQLITE_OK) fail(database_, code, *path_, what);
}

void Statement::bind_bits(int index, std::int64_t bits) {
    check(sqlite3_bind_int64(statement_.get(), index, bits), "cannot bind a value");
}

void Statement::bind_null(int index) {
    check(sqlite3_bind_null(statement_.get(), index), "cannot bind a value");
}

bool Statement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) fail(database_, code, *path_, "cannot run a statement");
    return false;
}

void Statement::reset() noexcept {
    sqlite3_reset(statement_.get());  // repeats the error of the last step, which was thrown already
}

std::uint64_t Statement::u64(int column) const noexcept {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::optional<std::uint64_t> Statement::nullable_u64(int column) const noexcept {
    if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
    return u64(column);
}

std::string_view Statement::text(int column) const noexcept {
    const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return text == nullptr ? std::string_view() : text;
}

// ---- the file ---------------------------------------------------------------------------------------------

Database::Database(std::string path, Mode mode, std::uint32_t busy_timeout_ms) : path_(std::move(path)) {
    const int flags = mode == Mode::Write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(path_.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    database_.reset(opened);
    if (code != SQLITE_OK) fail(opened, code, path_, "cannot be opened");
    sqlite3_extended_result_codes(opened, 1);
    sqlite3_busy_timeout(opened, static_cast<int>(busy_timeout_ms));
    // The file may come from anywhere: nothing in its schema may run code.
    sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    if (mode == Mode::Read) {
        check_is_ours();
        return;
    }
    create_tables();
    check_is_ours();
    Statement wal = prepare("PRAGMA journal_mode = WAL");  // TRACE-036
    if (!wal.step() || wal.text(0) != "wal")
        throw Error(
            ErrorCode::Unsupported,
            fmt::format("{}: no write-ahead log is possible there; choose a file on a local file system",
                        path_));
    execute("PRAGMA synchronous = NORMAL");  // a power cut may cost the last commits, never the file
}

void Database::Close::operator()(sqlite3* database) const noexcept {
    sqlite3_close_v2(database);
}

void Database::execute(const char* sql) const {
    const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(database_.get(), code, path_, "cannot be written");
}

std::uint64_t Database::number(const char* sql) const {
    Statement statement = prepare(sql);
    return statement.step() ? statement.u64(0) : 0;
}

void Database::create_tables() const {
    const char* const empty = "SELECT count(*) = 0 FROM sqlite_schema";
    if (number(empty) == 0 || number("PRAGMA application_id") != 0) return;
    Transaction transaction(*this);
    if (number(empty) != 0) execute(kTables);  // else another process made them meanwhile
    transaction.commit();
}

void Database::check_is_ours() const {
    if (const std::uint64_t id = number("PRAGMA application_id"); id != kApplicationId)
        throw Error(
            ErrorCode::InvalidArgument,
            fmt::format("{}: a database, but not a trace store (application id {}); `tp trace record` "
                        "makes one",
                        path_, id));
    if (const std::uint64_t version = number("PRAGMA user_version"); version != kVersion)
        throw Error(
            ErrorCode::Unsupported,
            fmt::format("{}: a trace store of version {}; this program knows {}", path_, version, kVersion));
}

std::uint64_t Database::rows_changed() const noexcept {
    return static_cast<std::uint64_t>(sqlite3_total_changes64(database_.get()));
}

bool Database::in_transaction() const noexcept {
    return sqlite3_get_autocommit(database_.get()) == 0;
}

Transaction::~Transaction() {
    if (!database_.in_transaction()) return;
    try {
        database_.execute("ROLLBACK");
    } catch (...) {  // the connection then rolls back by itself
    }
}

}  // namespace tensorpool::trace
