"""The properties that the resources of infra/ have, as Azure publishes them for each version.

(Microsoft's type definitions for Bicep.) Whoever uses another one looks it up there and adds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.bicep import Loop, Resource, Template

_OF_A_RESOURCE = frozenset(
    {"name", "location", "tags", "kind", "sku", "identity", "properties"}
    | {"parent", "scope", "dependsOn"}
)
_STORAGE = "Microsoft.Storage/storageAccounts@2023-05-01"


def _of_storage(child: str) -> str:
    return _STORAGE.replace("@", f"/{child}@")


PROPERTIES: Mapping[str, frozenset[str]] = {
    "Microsoft.Resources/resourceGroups@2024-03-01": frozenset(),
    "Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31": frozenset(),
    "Microsoft.OperationalInsights/workspaces@2023-09-01": frozenset({"sku", "retentionInDays"}),
    "Microsoft.Insights/components@2020-02-02": frozenset(
        {"Application_Type", "WorkspaceResourceId", "DisableLocalAuth"}
    ),
    "Microsoft.Insights/actionGroups@2023-01-01": frozenset(
        {"groupShortName", "enabled", "emailReceivers"}
    ),
    "Microsoft.Insights/scheduledQueryRules@2022-06-15": frozenset(
        {"displayName", "description", "severity", "enabled", "evaluationFrequency", "windowSize"}
        | {"scopes", "skipQueryValidation", "criteria", "autoMitigate", "actions"}
    ),
    "Microsoft.Insights/metricAlerts@2018-03-01": frozenset(
        {"description", "severity", "enabled", "scopes", "evaluationFrequency", "windowSize"}
        | {"criteria", "autoMitigate", "actions"}
    ),
    _STORAGE: frozenset(
        {"accessTier", "allowBlobPublicAccess", "allowSharedKeyAccess", "minimumTlsVersion"}
        | {"defaultToOAuthAuthentication", "supportsHttpsTrafficOnly"}
    ),
    _of_storage("blobServices"): frozenset(
        {"cors", "deleteRetentionPolicy", "containerDeleteRetentionPolicy"}
    ),
    _of_storage("blobServices/containers"): frozenset({"publicAccess"}),
    _of_storage("queueServices"): frozenset(),
    _of_storage("queueServices/queues"): frozenset(),
    _of_storage("tableServices"): frozenset(),
    _of_storage("tableServices/tables"): frozenset(),
    _of_storage("managementPolicies"): frozenset({"policy"}),
    "Microsoft.Authorization/locks@2020-05-01": frozenset({"level", "notes"}),
    "Microsoft.Authorization/roleAssignments@2022-04-01": frozenset(
        {"principalId", "principalType", "roleDefinitionId"}
    ),
    "Microsoft.KeyVault/vaults@2023-07-01": frozenset(
        {"tenantId", "sku", "enableRbacAuthorization", "enableSoftDelete"}
        | {"softDeleteRetentionInDays", "enablePurgeProtection"}
    ),
    # Known, and kept out by a rule of its own: agreement.safety.
    "Microsoft.KeyVault/vaults/secrets@2023-07-01": frozenset({"value", "contentType"}),
    "Microsoft.Web/serverfarms@2024-04-01": frozenset({"reserved"}),
    "Microsoft.Web/sites@2024-04-01": frozenset(
        {"serverFarmId", "httpsOnly", "keyVaultReferenceIdentity", "siteConfig"}
        | {"functionAppConfig"}
    ),
    "Microsoft.Web/sites/config@2024-04-01": frozenset(
        {"platform", "globalValidation", "identityProviders", "login", "httpSettings"}
    ),
    "Microsoft.Cdn/profiles@2024-02-01": frozenset(),
    "Microsoft.Cdn/profiles/afdEndpoints@2024-02-01": frozenset({"enabledState"}),
    "Microsoft.Cdn/profiles/originGroups@2024-02-01": frozenset({"loadBalancingSettings"}),
    "Microsoft.Cdn/profiles/originGroups/origins@2024-02-01": frozenset(
        {"hostName", "originHostHeader", "httpPort", "httpsPort", "priority", "weight"}
    ),
    "Microsoft.Cdn/profiles/customDomains@2024-02-01": frozenset({"hostName", "tlsSettings"}),
    "Microsoft.Cdn/profiles/afdEndpoints/routes@2024-02-01": frozenset(
        {"originGroup", "customDomains", "supportedProtocols", "patternsToMatch"}
        | {"forwardingProtocol", "httpsRedirect", "linkToDefaultDomain"}
    ),
}


_NESTED = """
Microsoft.OperationalInsights/workspaces
  sku: name
Microsoft.Insights/scheduledQueryRules
  actions: actionGroups
  criteria: allOf
  criteria.allOf: query timeAggregation operator threshold failingPeriods
  criteria.allOf.failingPeriods: numberOfEvaluationPeriods minFailingPeriodsToAlert
Microsoft.Insights/metricAlerts
  actions: actionGroupId
  criteria: odata.type allOf
  criteria.allOf: name criterionType metricNamespace metricName dimensions
  criteria.allOf: operator threshold timeAggregation
  criteria.allOf.dimensions: name operator values
Microsoft.Insights/actionGroups
  emailReceivers: name emailAddress useCommonAlertSchema
Microsoft.Storage/storageAccounts/blobServices
  cors: corsRules
  cors.corsRules: allowedOrigins allowedMethods allowedHeaders exposedHeaders maxAgeInSeconds
  deleteRetentionPolicy: enabled days
  containerDeleteRetentionPolicy: enabled days
Microsoft.Storage/storageAccounts/managementPolicies
  policy: rules
  policy.rules: enabled name type definition
  policy.rules.definition: filters actions
  policy.rules.definition.filters: blobTypes prefixMatch
  policy.rules.definition.actions: baseBlob
  policy.rules.definition.actions.baseBlob: delete
  policy.rules.definition.actions.baseBlob.delete: daysAfterCreationGreaterThan
Microsoft.KeyVault/vaults
  sku: family name
Microsoft.Web/sites
  siteConfig: minTlsVersion
  functionAppConfig: deployment scaleAndConcurrency runtime
  functionAppConfig.deployment: storage
  functionAppConfig.deployment.storage: type value authentication
  functionAppConfig.deployment.storage.authentication: type userAssignedIdentityResourceId
  functionAppConfig.scaleAndConcurrency: alwaysReady maximumInstanceCount instanceMemoryMB
  functionAppConfig.scaleAndConcurrency.alwaysReady: name instanceCount
  functionAppConfig.runtime: name version
Microsoft.Web/sites/config
  platform: enabled
  globalValidation: requireAuthentication unauthenticatedClientAction
  identityProviders: azureActiveDirectory
  identityProviders.azureActiveDirectory: enabled registration validation
  identityProviders.azureActiveDirectory.registration: clientId clientSecretSettingName openIdIssuer
  identityProviders.azureActiveDirectory.validation: allowedAudiences
  login: tokenStore
  login.tokenStore: enabled
  httpSettings: requireHttps forwardProxy
  httpSettings.forwardProxy: convention
Microsoft.Cdn/profiles/originGroups
  loadBalancingSettings: sampleSize successfulSamplesRequired
Microsoft.Cdn/profiles/customDomains
  tlsSettings: certificateType minimumTlsVersion
Microsoft.Cdn/profiles/afdEndpoints/routes
  originGroup: id
  customDomains: id
"""
"""What stands inside of properties: a type, then the keys of each path below `properties`. Of
`siteConfig` only what Flex Consumption takes."""


_REQUIRED = """
Microsoft.Insights/components
  .: kind Application_Type WorkspaceResourceId
Microsoft.Insights/actionGroups
  .: groupShortName enabled
Microsoft.Insights/scheduledQueryRules
  .: scopes severity evaluationFrequency windowSize criteria
  criteria: allOf
  criteria.allOf: query timeAggregation operator threshold failingPeriods
Microsoft.Insights/metricAlerts
  .: scopes severity enabled evaluationFrequency windowSize criteria
  criteria: odata.type allOf
  criteria.allOf: name criterionType metricName operator threshold timeAggregation
  criteria.allOf.dimensions: name operator values
Microsoft.Storage/storageAccounts
  .: kind sku
Microsoft.Storage/storageAccounts/blobServices
  cors.corsRules: allowedOrigins allowedMethods allowedHeaders exposedHeaders maxAgeInSeconds
  deleteRetentionPolicy: enabled days
  containerDeleteRetentionPolicy: enabled days
Microsoft.Storage/storageAccounts/managementPolicies
  .: policy
  policy: rules
  policy.rules: name type definition
  policy.rules.definition: actions
Microsoft.Authorization/locks
  .: level
Microsoft.Authorization/roleAssignments
  .: principalId principalType roleDefinitionId
Microsoft.KeyVault/vaults
  .: tenantId sku
  sku: family name
Microsoft.Web/serverfarms
  .: sku reserved
Microsoft.Web/sites
  .: kind identity serverFarmId functionAppConfig
  identity: type userAssignedIdentities
  identity.userAssignedIdentities: ${identityId}
  functionAppConfig: deployment scaleAndConcurrency runtime
  functionAppConfig.deployment.storage: type value authentication
  functionAppConfig.deployment.storage.authentication: type userAssignedIdentityResourceId
  functionAppConfig.scaleAndConcurrency: maximumInstanceCount instanceMemoryMB
  functionAppConfig.scaleAndConcurrency.alwaysReady: name instanceCount
  functionAppConfig.runtime: name version
Microsoft.Cdn/profiles
  .: sku
Microsoft.Cdn/profiles/originGroups
  .: loadBalancingSettings
Microsoft.Cdn/profiles/originGroups/origins
  .: hostName originHostHeader
Microsoft.Cdn/profiles/customDomains
  .: hostName tlsSettings
  tlsSettings: certificateType
Microsoft.Cdn/profiles/afdEndpoints/routes
  .: originGroup customDomains supportedProtocols patternsToMatch
"""
"""What Azure refuses a resource without, in the same form; `.` is the resource itself and its
properties. (A role without `principalType` is refused while a new identity is not known
everywhere.)"""

_VALUES = """
Microsoft.OperationalInsights/workspaces
  sku.name: PerGB2018
Microsoft.Insights/components
  kind: web
  Application_Type: web other
Microsoft.Insights/scheduledQueryRules
  evaluationFrequency: PT1M PT5M PT10M PT15M PT30M PT1H
  windowSize: PT1M PT5M PT10M PT15M PT30M PT1H
  criteria.allOf.timeAggregation: Average Count Maximum Minimum Total
  criteria.allOf.operator: Equals GreaterThan GreaterThanOrEqual LessThan LessThanOrEqual
Microsoft.Insights/actionGroups
  location: global
Microsoft.Insights/metricAlerts
  location: global
  evaluationFrequency: PT1M PT5M PT15M PT30M PT1H
  windowSize: PT1M PT5M PT15M PT30M PT1H
  criteria.odata.type: Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria
  criteria.allOf.criterionType: StaticThresholdCriterion
  criteria.allOf.timeAggregation: Average Count Maximum Minimum Total
  criteria.allOf.operator: Equals GreaterThan GreaterThanOrEqual LessThan LessThanOrEqual
  criteria.allOf.dimensions.operator: Include Exclude
Microsoft.Storage/storageAccounts
  kind: StorageV2
  accessTier: Hot Cool
Microsoft.Storage/storageAccounts/managementPolicies
  policy.rules.type: Lifecycle
  policy.rules.definition.filters.blobTypes: blockBlob appendBlob
Microsoft.Authorization/roleAssignments
  principalType: ServicePrincipal User Group
Microsoft.KeyVault/vaults
  sku.family: A
  sku.name: standard premium
Microsoft.Web/serverfarms
  kind: functionapp
  sku.tier: FlexConsumption
  sku.name: FC1
Microsoft.Web/sites
  kind: functionapp,linux
  identity.type: UserAssigned
  siteConfig.minTlsVersion: 1.2 1.3
  functionAppConfig.deployment.storage.type: blobContainer
  functionAppConfig.deployment.storage.authentication.type: UserAssignedIdentity
  functionAppConfig.scaleAndConcurrency.instanceMemoryMB: 512 2048 4096
Microsoft.Web/sites/config
  AzureWebJobsStorage__credential: managedidentity
  globalValidation.unauthenticatedClientAction: AllowAnonymous
Microsoft.Cdn/profiles
  location: global
  sku.name: Standard_AzureFrontDoor Premium_AzureFrontDoor
Microsoft.Cdn/profiles/afdEndpoints
  location: global
  enabledState: Enabled Disabled
Microsoft.Cdn/profiles/customDomains
  tlsSettings.certificateType: ManagedCertificate
  tlsSettings.minimumTlsVersion: TLS12
Microsoft.Cdn/profiles/afdEndpoints/routes
  supportedProtocols: Http Https
  forwardingProtocol: HttpsOnly
  httpsRedirect: Enabled
  linkToDefaultDomain: Enabled Disabled
"""
"""The words that Azure takes, where it takes only some: a type, then what may stand at each path.
Of authentication and of Front Door only what is safe."""

READ = {
    "Microsoft.ManagedIdentity/userAssignedIdentities": frozenset({"clientId", "principalId"}),
    "Microsoft.KeyVault/vaults": frozenset({"vaultUri"}),
    "Microsoft.Insights/components": frozenset({"ConnectionString"}),
    "Microsoft.Cdn/profiles/afdEndpoints": frozenset({"hostName"}),
}
"""What the files ask a resource for of its `properties`; all of it is text."""


def missing_properties(template: Template) -> Iterator[str]:
    """What Azure refuses a resource without."""
    for resource in template.resources.values():
        if not resource.existing:
            required = _table(_REQUIRED, resource.type)
            for path, said in _objects(_with_properties(resource)):
                for key in sorted(required.get(path or ".", frozenset()) - said.keys()):
                    named = f"{path}.{key}".lstrip(".")
                    yield f"{resource.symbol} has no {named}, which {resource.type} needs"


def wrong_values(template: Template) -> Iterator[str]:
    """Words that Azure does not take where they stand."""
    for resource in template.resources.values():
        taken = _table(_VALUES, resource.type)
        for path, said in _objects(_with_properties(resource)):
            for key, value in said.items():
                named = f"{path}.{key}".lstrip(".")
                for each in value if isinstance(value, list) else [value]:
                    known = isinstance(each, str | int) or named == "location"
                    if known and named in taken and str(each) not in taken[named]:
                        yield f"{resource.symbol}: {named} is no {each!r}"


_BESIDE = ("location", "kind", "sku", "identity")


def _with_properties(resource: Resource) -> dict[str, Any]:
    """What a resource says, its `properties` beside its kind and the like."""
    said = resource.one
    beside: dict[str, Any] = {key: said[key] for key in _BESIDE if key in said}
    properties = said.get("properties", {})
    return beside | (properties if isinstance(properties, dict) else {})


def unknown_properties(template: Template) -> Iterator[str]:
    """What a resource says that its type does not have; types that nobody looked up yet."""
    for resource in template.resources.values():
        said = resource.one
        for key in sorted(said.keys() - _OF_A_RESOURCE):
            yield f"{resource.symbol} has {key}, which resources do not have"
        known = PROPERTIES.get(f"{resource.type}@{resource.version}")
        if known is None:
            yield f"nobody looked up {resource.type}@{resource.version}: tests/infra/shapes.py"
        elif said.get("name") != "appsettings":
            shape = {"": known, **_table(_NESTED, resource.type)}
            for path, here in _objects(said.get("properties", {})):
                for key in sorted(here.keys() - shape.get(path, frozenset())):
                    named = f"{path}.{key}".lstrip(".")
                    yield f"{resource.symbol} has {named}, which {resource.type} does not have"


def _table(table: str, kind: str) -> dict[str, frozenset[str]]:
    """The words that a table has for a type, by path."""
    found: dict[str, frozenset[str]] = {}
    of = ""
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            of = line
        elif of == kind:
            path, _, keys = line.strip().partition(": ")
            found[path] = found.get(path, frozenset()) | frozenset(keys.split())
    return found


def _objects(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a value with its path; lists and loops are looked into."""
    if isinstance(value, Loop):
        yield from _objects(value.body, path)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each, path)
    elif isinstance(value, dict):
        yield path, value
        for key, each in value.items():
            yield from _objects(each, f"{path}.{key}".lstrip("."))


SHAPES = (unknown_properties, missing_properties, wrong_values)
"""What is asked of each file."""
