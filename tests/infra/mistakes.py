"""Mistakes somebody could make in the real files, and what a rule says of each.

Name → the file, what stands in it, what stands there instead, and words of the finding.
"""

from collections.abc import Mapping

MISTAKES: Mapping[str, tuple[str, str, str, str]] = {
    # What a compiler would say.
    "a brace too few": (
        "vault.bicep",
        "    enablePurgeProtection: true\n  }",
        "    enablePurgeProtection: true\n",
        "is not Bicep",
    ),
    "an undeclared symbol": (
        "main.bicep",
        "name: hostAccount",
        "name: hostAcount",
        "uses hostAcount, which is not declared",
    ),
    "an undeclared symbol in a loop": (
        "organization-storage.bicep",
        "[for table in tableNames: {\n  parent: tableService\n  name: table",
        "[for table in tableNames: {\n  parent: tableService\n  name: tabel",
        "uses tabel, which is not declared",
    ),
    "a function that does not exist": (
        "main.bicep",
        "uniqueString(subscription().id, environmentName)",
        "uniqeString(subscription().id, environmentName)",
        "uses uniqeString()",
    ),
    "a decorator that does not exist": (
        "main.bicep",
        "@minValue(1)",
        "@minimum(1)",
        "uses @minimum",
    ),
    "a symbol declared twice": (
        "main.bicep",
        "var token =",
        "var tags = {}\nvar token =",
        "tags is declared twice",
    ),
    "a parameter that nothing uses": (
        "vault.bicep",
        "param tags object",
        "param tags object\nparam colour string = 'red'",
        "colour is declared and never used",
    ),
    "a module parameter spelled wrong": (
        "main.bicep",
        "    signingKeysUri: vault",
        "    signingKeyUri: vault",
        "given signingKeyUri, which app.bicep does not take",
    ),
    "a module parameter forgotten": (
        "main.bicep",
        "    entraClientId: entraClientId\n",
        "",
        "is not given entraClientId, which app.bicep needs",
    ),
    "a module parameter of a wrong type": (
        "main.bicep",
        "    hosts: hosts",
        "    hosts: 'mail.contoso.com'",
        "gives hosts as string, not as array",
    ),
    "a module parameter given a variable of a wrong type": (
        "main.bicep",
        "    maximumInstances: maximumInstances",
        "    maximumInstances: publicHost",
        "gives maximumInstances as string, not as int",
    ),
    "an output that a module does not have": (
        "main.bicep",
        "vault.outputs.signingKeysUri",
        "vault.outputs.signingKeys",
        "vault.bicep has no output signingKeys",
    ),
    "a module that is not here": (
        "main.bicep",
        "'vault.bicep'",
        "'key-vault.bicep'",
        "takes key-vault.bicep, which is not here",
    ),
    "a module from a registry": (
        "main.bicep",
        "'vault.bicep'",
        "'br/public:avm/res/key-vault/vault:0.6.1'",
        "which is not here",
    ),
    "a module without its scope": (
        "main.bicep",
        "module vault 'vault.bicep' = {\n  name: 'vault'\n  scope: group",
        "module vault 'vault.bicep' = {\n  name: 'vault'",
        "module vault says no scope",
    ),
    "two versions of one type": (
        "roles.bicep",
        "'Microsoft.Storage/storageAccounts@2023-05-01'",
        "'Microsoft.Storage/storageAccounts@2023-01-01'",
        "storageAccounts is used in 2 versions",
    ),
    "a preview": (
        "identity.bicep",
        "@2023-01-31",
        "@2023-07-31-preview",
        "is used in the version '2023-07-31-preview'",
    ),
    "a wrong parent": (
        "organization-storage.bicep",
        "  parent: tableService",
        "  parent: blobService",
        "tables is of Microsoft.Storage/storageAccounts/tableServices, its parent blobService",
    ),
    "a property that Azure does not know": (
        "organization-storage.bicep",
        "defaultToOAuthAuthentication",
        "defaultToOauthAuthentication",
        "account has defaultToOauthAuthentication, which Microsoft.Storage/storageAccounts does",
    ),
    "a key that no resource has": (
        "app.bicep",
        "  identity: {\n    type: 'UserAssigned'",
        "  identities: {\n    type: 'UserAssigned'",
        "app has identities, which resources do not have",
    ),
    "a version that nobody looked up": (
        "vault.bicep",
        "Authorization/locks@2020-05-01",
        "Authorization/locks@2016-09-01",
        "nobody looked up Microsoft.Authorization/locks@2016-09-01",
    ),
    "a resource without its location": (
        "monitoring.bicep",
        "  name: 'logs-${token}'\n  location: location\n",
        "  name: 'logs-${token}'\n",
        "workspace has no location",
    ),
    # What the code needs and Bicep must have.
    "a role that nobody gives": (
        "roles.bicep",
        "roleIds.blobDelegator)\n  }",
        "roleIds.blobDataContributor)\n  }",
        "nobody gives Storage Blob Delegator on accounts",
    ),
    "a role on the wrong scope": (
        "roles.bicep",
        "  scope: contents[i]\n",
        "  scope: accounts[i]\n",
        "nobody gives Storage Blob Data Contributor on contents",
    ),
    "a role too wide": (
        "roles.bicep",
        "4633458b-17de-408a-b874-0445c86b69e6",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "which is no role that may be given here",
    ),
    "two role assignments of one name": (
        "roles.bicep",
        "guid(host.id, appPrincipalId, roleIds.queueDataContributor)",
        "guid(host.id, appPrincipalId)",
        "does not tell roleIds.queueDataContributor from others",
    ),
    "a setting that Bicep forgets": (
        "app.bicep",
        "    SIGNING_KEYS: '@Microsoft.KeyVault(SecretUri=${signingKeysUri})'",
        "    SIGNING_KEY: '@Microsoft.KeyVault(SecretUri=${signingKeysUri})'",
        "Bicep forgets SIGNING_KEYS",
    ),
    "a setting of one machine": (
        "app.bicep",
        "    AzureWebJobsDisableHomepage: 'true'",
        "    AzureWebJobsDisableHomepage: 'true'\n    LOCAL_GRAPH: 'https://graph.example'",
        "Bicep names LOCAL_GRAPH, which is for one machine only",
    ),
    "a setting that the plan refuses": (
        "app.bicep",
        "    AzureWebJobsDisableHomepage: 'true'",
        "    AzureWebJobsDisableHomepage: 'true'\n    FUNCTIONS_WORKER_RUNTIME: 'python'",
        "which Flex Consumption refuses",
    ),
    "a setting that the docs forget": (
        "docs/settings.md",
        "| `PUBLIC_ADDRESS` |",
        "| the public address |",
        "docs/settings.md does not tell of PUBLIC_ADDRESS",
    ),
    "a setting of the sample that nobody knows": (
        "local.settings.sample.json",
        '"PUBLIC_ADDRESS"',
        '"PUBLIC_ADRESS"',
        "local.settings.sample.json names PUBLIC_ADRESS",
    ),
    "a table that nobody provisions": (
        "organization-storage.bicep",
        "  'lookups'\n",
        "",
        "nobody provisions the table lookups",
    ),
    "a queue that nobody provisions": (
        "host-storage.bicep",
        "  'upload'\n",
        "",
        "nobody provisions the queue upload,",
    ),
    "a poison queue that nobody provisions": (
        "host-storage.bicep",
        "  'fold-poison'\n",
        "",
        "nobody provisions the queue fold-poison",
    ),
    "a container that nobody provisions": (
        "host-storage.bicep",
        "  'overflow'\n",
        "",
        "nobody provisions the container overflow",
    ),
    "a table that nothing uses": (
        "organization-storage.bicep",
        "  'lookups'\n",
        "  'lookups'\n  'lokups'\n",
        "the table lokups is provisioned, and nothing uses it",
    ),
    "a field that the registry forgets": (
        "main.bicep",
        "  domains: one.domains\n",
        "",
        "ORGANIZATIONS: domains is written or read, not both",
    ),
    # What must hold in any case.
    "shared keys": (
        "organization-storage.bicep",
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
        "account has allowSharedKeyAccess not False",
    ),
    "public blobs": (
        "organization-storage.bicep",
        "allowBlobPublicAccess: false",
        "allowBlobPublicAccess: true",
        "account has allowBlobPublicAccess not False",
    ),
    "old TLS": (
        "host-storage.bicep",
        "'TLS1_2'",
        "'TLS1_0'",
        "account has minimumTlsVersion not TLS1_2",
    ),
    "data that nothing keeps": (
        "organization-storage.bicep",
        "  scope: account\n  name: 'kept-until-told'",
        "  scope: blobService\n  name: 'kept-until-told'",
        "nothing keeps account from being deleted",
    ),
    "a signing key that every deploy writes anew": (
        "vault.bicep",
        "output name",
        "resource key 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {\n  parent: vault\n"
        "  name: 'signing-keys'\n  location: location\n}\n\noutput name",
        "key would be written anew by every deploy",
    ),
    "deleted blobs that are gone": (
        "organization-storage.bicep",
        "deleteRetentionPolicy: {\n      enabled: true",
        "deleteRetentionPolicy: {\n      enabled: false",
        "a deleted blob cannot be brought back",
    ),
    "uploads deleted too early": (
        "organization-storage.bicep",
        "daysAfterCreationGreaterThan: 8",
        "daysAfterCreationGreaterThan: 7",
        "uploads are deleted after 7 days, and 7 are promised",
    ),
    "files that nothing deletes": (
        "organization-storage.bicep",
        "'content/files/'",
        "'content/file/'",
        "nothing ever deletes what is left in content/files/",
    ),
    "pages that cannot upload": (
        "organization-storage.bicep",
        "            'x-ms-blob-type'\n",
        "",
        "a page cannot put a file to the address of its upload",
    ),
    "uploads from any page": (
        "organization-storage.bicep",
        "allowedOrigins: pageAddresses",
        "allowedOrigins: union(pageAddresses, ['*'])",
        "files may be put from pages that are not ours",
    ),
    "pages of the app's own host that cannot upload": (
        "main.bicep",
        "union(['https://${appHost}', publicAddress]",
        "union([publicAddress]",
        "a page under ${appHost} cannot put files",
    ),
    "an alert that waits for nothing": (
        "alerts.bicep",
        "'waited to be counted'",
        "'waited to be folded'",
        "the alert fold-lag waits for a line that nothing logs",
    ),
    "a timer whose silence nobody hears": (
        "alerts.bicep",
        "  'sweep_hits'\n",
        "",
        "no alert tells of it when the timer sweep_hits is silent",
    ),
    "an alert on silence that waits for another line": (
        "alerts.bicep",
        "the timer ${timer} has run",
        "the timer ${timer} ran",
        "the alert on silent timers waits for a line that nothing logs",
    ),
    "an alert that nobody explains": (
        "docs/operations.md",
        "`poison-queues`",
        "poison queues",
        "docs/operations.md does not say what to do about poison-queues",
    ),
    "another Python": ("app.bicep", "'3.13'", "'3.11'", "the app does not run on Python 3.13"),
    "cold starts": ("app.bicep", "name: 'http'", "name: 'blob'", "a pixel may meet a cold start"),
    "keys that the app cannot read": (
        "app.bicep",
        "    keyVaultReferenceIdentity: identityId\n",
        "",
        "the app cannot read its signing keys",
    ),
    "a parameter that is not given": (
        "infra/main.parameters.json",
        '"location"',
        '"place"',
        "main.parameters.json does not give location",
    ),
}
